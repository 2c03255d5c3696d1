import { createPrivateKey } from 'node:crypto';
import { pemToDer } from '@netport/pki';
import type { PolicyDocument } from '@netport/protocol';
import { CompactSign } from 'jose';

export interface SigningIdentity {
  keyPem: string;
  /** Leaf and issuer. */
  chainPem: string;
}

/** A compact JWS (RFC 7515, ES256) over the document's JSON, with the signer's chain in `x5c`. */
export function signPolicy(document: PolicyDocument, { keyPem, chainPem }: SigningIdentity): Promise<string> {
  const x5c = pemToDer(chainPem).map((der) => Buffer.from(der).toString('base64'));
  return new CompactSign(new TextEncoder().encode(JSON.stringify(document)))
    .setProtectedHeader({ alg: 'ES256', typ: 'netport-policy+jws', x5c })
    .sign(createPrivateKey(keyPem));
}
