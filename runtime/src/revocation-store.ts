import { parseCrl, type Revocations } from '@netport/pki';
import { asNetportError } from '@netport/protocol';
import type { DataDirectory } from './data-directory.js';
import type { StoredIdentity } from './identity.js';
import { KeptFile } from './kept-file.js';
import type { Logger } from './log.js';

const file = 'crl.der';

/** Where the CA certificates are that a list may be signed by. */
type KnownAuthorities = Pick<StoredIdentity, 'chainPem' | 'rootPem' | 'issuersPem'>;

const authoritiesOf = ({ rootPem, issuersPem, chainPem }: KnownAuthorities): string[] => [
  rootPem,
  issuersPem,
  chainPem,
];

/** The revocation list that the control server last sent: kept on disk, so that whoever was revoked is refused after a restart too. */
export interface RevocationStore {
  readonly current: Revocations | undefined;
  /** Throws `cert_untrusted` or `protocol_error` and keeps the list it has. An older list than that is ignored. */
  accept(der: Uint8Array, identity: KnownAuthorities): void;
  /** Resolves when what is in force is on disk, or the disk has refused it. */
  settled(): Promise<void>;
}

export async function openRevocationStore(options: {
  directory: DataDirectory;
  identity: KnownAuthorities;
  log: Logger;
}): Promise<RevocationStore> {
  const { directory, identity, log } = options;
  const kept = new KeptFile(directory, file, log);
  let current = readStored(await directory.readBytes(file));

  function readStored(der: Uint8Array | undefined): Revocations | undefined {
    if (!der) return undefined;
    try {
      return parseCrl(der, authoritiesOf(identity));
    } catch (thrown) {
      const { code, message } = asNetportError(thrown);
      log.warn({ code }, `the stored revocation list is not used: ${message}`);
      return undefined;
    }
  }

  return {
    get current() {
      return current;
    },
    accept: (der, from) => {
      const next = parseCrl(der, authoritiesOf(from));
      if (current && next.thisUpdate < current.thisUpdate) return;
      current = next;
      kept.keep(der);
    },
    settled: () => kept.settled(),
  };
}
