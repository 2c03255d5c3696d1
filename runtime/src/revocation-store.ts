import { parseCrl, type Revocations } from '@netport/pki';
import { asNetportError } from '@netport/protocol';
import type { DataDirectory } from './data-directory.js';
import type { StoredIdentity } from './identity.js';
import type { Logger } from './log.js';

const file = 'crl.der';

/** The revocation list that the control server last sent: kept on disk, so that whoever was revoked is refused after a restart too. */
export interface RevocationStore {
  readonly current: Revocations | undefined;
  /** Throws `cert_untrusted` or `protocol_error` and keeps the list it has. An older list than that is ignored. */
  accept(der: Uint8Array): Promise<void>;
}

export async function openRevocationStore(options: {
  directory: DataDirectory;
  identity: Pick<StoredIdentity, 'chainPem' | 'rootPem'>;
  log: Logger;
}): Promise<RevocationStore> {
  const { directory, identity, log } = options;
  const authorities = [identity.rootPem, identity.chainPem];
  let current = readStored(await directory.readBytes(file));

  function readStored(der: Uint8Array | undefined): Revocations | undefined {
    if (!der) return undefined;
    try {
      return parseCrl(der, authorities);
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
    accept: async (der) => {
      const next = parseCrl(der, authorities);
      if (current && next.thisUpdate < current.thisUpdate) return;
      current = next;
      await directory.write(file, der);
    },
  };
}
