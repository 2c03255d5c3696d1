import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
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
  /** The roots that it trusts: one, or two while one takes the place of another. */
  rootPem: string;
  /** Issuing CAs that it was told of; none, perhaps. */
  issuersPem: string;
  /** `https://host:port` */
  controlUrl: string;
  notBefore: Date;
  notAfter: Date;
  /** Of the root that its certificate is of: SHA-256, hexadecimal. */
  rootFingerprint: string;
}

/** What is kept of it; the rest can be read from that. */
export type IdentityMaterial = Pick<StoredIdentity, 'keyPem' | 'chainPem' | 'rootPem' | 'issuersPem' | 'controlUrl'>;

const file = 'identity.json';
const kept = [
  'controlUrl',
  'rootPem',
  'issuersPem',
  'chainPem',
  'keyPem',
] as const satisfies (keyof IdentityMaterial)[];

/** One file, which is replaced whole: whenever this process dies, key and certificate belong together. */
export const saveIdentity = (directory: DataDirectory, identity: IdentityMaterial): Promise<void> =>
  directory.write(file, `${JSON.stringify(identity, [...kept], 2)}\n`);

/**
 * The identity of a data directory, or undefined before enrolment. An expired certificate is returned all the same: the
 * control server says what to do about it. Throws `cert_untrusted` when the files do not belong together.
 */
export async function loadIdentity(directory: DataDirectory): Promise<StoredIdentity | undefined> {
  const text = await directory.read(file);
  return text === undefined ? undefined : describeIdentity(parseMaterial(text, join(directory.path, file)));
}

function parseMaterial(text: string, path: string): IdentityMaterial {
  const unreadable = new NetportError(
    'cert_untrusted',
    `${path} holds no identity: restore it, or remove it to enrol anew`,
  );
  let parsed: Partial<Record<string, unknown>>;
  try {
    parsed = Object(JSON.parse(text));
  } catch {
    throw unreadable;
  }
  const field = (name: keyof IdentityMaterial): string => {
    const value = parsed[name];
    if (typeof value !== 'string') throw unreadable;
    return value;
  };
  return {
    keyPem: field('keyPem'),
    chainPem: field('chainPem'),
    rootPem: field('rootPem'),
    // Not there in what was written before roots could be replaced.
    issuersPem: parsed.issuersPem === undefined ? '' : field('issuersPem'),
    controlUrl: field('controlUrl'),
  };
}

/** What this process believes of others: its roots, the issuers that it was told of, the one of its own chain, the latest revocation list. */
export const trustOf = (identity: StoredIdentity, revocations: Revocations | undefined): Trust => ({
  rootPems: [identity.rootPem],
  intermediatePems: [identity.chainPem, identity.issuersPem],
  revocations,
});

/** Checks that key, chain and root belong together, and reads who they are. Throws `cert_*`. */
export function describeIdentity(stored: IdentityMaterial): StoredIdentity {
  const chain = pemToDer(stored.chainPem);
  const leaf = new X509Certificate(chain[0] ?? new Uint8Array());
  const publicKey = leaf.publicKey.export({ type: 'spki', format: 'der' });
  if (!publicKey.equals(publicKeyOf(stored.keyPem))) {
    throw new NetportError('cert_untrusted', 'the stored certificate and key do not belong together');
  }
  const { id, name, trustDomain, notAfter, rootFingerprint } = verifyPeer({
    chain,
    trust: { rootPems: [stored.rootPem], intermediatePems: [stored.issuersPem] },
    now: new Date(leaf.validFrom),
    usage: 'client',
    expect: { kind: ['portal', 'relay'] },
  });
  const notBefore = new Date(leaf.validFrom);
  return { ...stored, id, name, trustDomain, notBefore, notAfter, rootFingerprint };
}
