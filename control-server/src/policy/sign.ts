import { createPrivateKey, type KeyObject } from 'node:crypto';
import { pemToDer } from '@netport/pki';
import type { PolicyDocument } from '@netport/protocol';
import { CompactSign } from 'jose';

export interface SigningIdentity {
  keyPem: string;
  /** Leaf and issuer. */
  chainPem: string;
}

/** What an identity signs with, read once: a change may concern every portal. */
const signers = new WeakMap<SigningIdentity, { key: KeyObject; x5c: string[] }>();

function signerOf(identity: SigningIdentity): { key: KeyObject; x5c: string[] } {
  const known = signers.get(identity);
  if (known) return known;
  const x5c = pemToDer(identity.chainPem).map((der) => Buffer.from(der).toString('base64'));
  const signer = { key: createPrivateKey(identity.keyPem), x5c };
  signers.set(identity, signer);
  return signer;
}

/** A compact JWS (RFC 7515, ES256) over the document's JSON, with the signer's chain in `x5c`. */
export function signPolicy(document: PolicyDocument, identity: SigningIdentity): Promise<string> {
  const { key, x5c } = signerOf(identity);
  return new CompactSign(new TextEncoder().encode(JSON.stringify(document)))
    .setProtectedHeader({ alg: 'ES256', typ: 'netport-policy+jws', x5c })
    .sign(key);
}
