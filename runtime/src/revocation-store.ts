import { parseCrl, type Revocations } from '@netport/pki';
import { asNetportError } from '@netport/protocol';
import type { DataDirectory } from './data-directory.js';
import type { StoredIdentity } from './identity.js';
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
  /**
   * Has a list enforced, and keeps it. Throws `cert_untrusted` or `protocol_error` and keeps the list it has; where the disk
   * takes none, the new one is in force all the same. An older list is ignored.
   */
  accept(der: Uint8Array, identity: KnownAuthorities, enforce?: () => void): Promise<void>;
}

export async function openRevocationStore(options: {
  directory: DataDirectory;
  identity: KnownAuthorities;
  log: Logger;
}): Promise<RevocationStore> {
  const { directory, identity, log } = options;
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
    accept: async (der, from, enforce = () => {}) => {
      const next = parseCrl(der, authoritiesOf(from));
      if (current && next.thisUpdate < current.thisUpdate) return;
      current = next;
      // A slow disk holds up nothing that is to be cut.
      enforce();
      await directory.write(file, der);
    },
  };
}
