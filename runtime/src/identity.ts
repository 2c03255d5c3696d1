import { X509Certificate } from 'node:crypto';
import { pemToDer, publicKeyOf, type Revocations, type Trust, verifyPeer } from '@netport/pki';
import { type Name, NetportError, type SpiffeId, type TrustDomain } from '@netport/protocol';
import type { DataDirectory } from './data-directory.js';

/** Who this process is: made at enrolment, kept in the data directory. */
export interface StoredIdentity {
  id: SpiffeId;
  name: Name;
  trustDomain: TrustDomain;
  keyPem: string;
  /** Leaf and issuer. */
  chainPem: string;
  rootPem: string;
  /** `https://host:port` */
  controlUrl: string;
  notAfter: Date;
}

const files = { key: 'key.pem', chain: 'chain.pem', root: 'root.pem', control: 'control-url' } as const;

/** The URL is written last: an enrolment that was cut short leaves no identity. */
export async function saveIdentity(
  directory: DataDirectory,
  identity: Pick<StoredIdentity, 'keyPem' | 'chainPem' | 'rootPem' | 'controlUrl'>,
): Promise<void> {
  await directory.write(files.key, identity.keyPem);
  await directory.write(files.chain, identity.chainPem);
  await directory.write(files.root, identity.rootPem);
  await directory.write(files.control, `${identity.controlUrl}\n`);
}

/**
 * The identity of a data directory, or undefined before enrolment. An expired certificate is returned all the same: the
 * control server says what to do about it. Throws `cert_untrusted` when the files do not belong together.
 */
export async function loadIdentity(directory: DataDirectory): Promise<StoredIdentity | undefined> {
  const [keyPem, chainPem, rootPem, controlUrl] = await Promise.all([
    directory.read(files.key),
    directory.read(files.chain),
    directory.read(files.root),
    directory.read(files.control),
  ]);
  if (!keyPem || !chainPem || !rootPem || !controlUrl) return undefined;
  return describeIdentity({ keyPem, chainPem, rootPem, controlUrl: controlUrl.trim() });
}

/** What this process believes of others: its own root, the issuer it knows from its own chain, the latest revocation list. */
export const trustOf = (identity: StoredIdentity, revocations: Revocations | undefined): Trust => ({
  rootPems: [identity.rootPem],
  intermediatePems: [identity.chainPem],
  revocations,
});

/** Checks that key, chain and root belong together, and reads who they are. Throws `cert_*`. */
export function describeIdentity(
  stored: Pick<StoredIdentity, 'keyPem' | 'chainPem' | 'rootPem' | 'controlUrl'>,
): StoredIdentity {
  const chain = pemToDer(stored.chainPem);
  const leaf = new X509Certificate(chain[0] ?? new Uint8Array());
  const publicKey = leaf.publicKey.export({ type: 'spki', format: 'der' });
  if (!publicKey.equals(publicKeyOf(stored.keyPem))) {
    throw new NetportError('cert_untrusted', 'the stored certificate and key do not belong together');
  }
  const { id, name, trustDomain, notAfter } = verifyPeer({
    chain,
    trust: { rootPems: [stored.rootPem] },
    now: new Date(leaf.validFrom),
    usage: 'client',
    expect: { kind: ['portal', 'relay'] },
  });
  return { ...stored, id, name, trustDomain, notAfter };
}
