import { X509Certificate } from 'node:crypto';
import { type Trust, verifyPeer } from '@netport/pki';
import {
  asNetportError,
  type Name,
  NetportError,
  type PolicyDocument,
  policyDocumentSchema,
  type TrustDomain,
} from '@netport/protocol';
import { compactVerify, decodeProtectedHeader } from 'jose';

export interface PolicyCheck {
  trust: Trust;
  now: Date;
  /** Who this portal is. */
  name: Name;
  trustDomain: TrustDomain;
  /** The version in force; an older one is refused. */
  version?: number | undefined;
}

/**
 * Reads a signed policy document. In this order: the signer's chain must be a control server's, the signature must be
 * the signer's, the document must be for this portal, and not older than the one in force. Throws
 * `policy_signature_invalid`, `cert_*`, `protocol_error` or `policy_rollback`.
 */
export async function verifyPolicy(jws: string, check: PolicyCheck): Promise<PolicyDocument> {
  const { trust, now, name, trustDomain, version } = check;
  const chain = signerChain(jws);
  verifyPeer({ chain, trust, now, usage: 'any', expect: { kind: 'control', trustDomain } });

  const document = parse(await verifiedPayload(jws, chain[0]));
  if (document.portal !== name || document.trustDomain !== trustDomain) {
    throw new NetportError(
      'policy_signature_invalid',
      `the policy document is for ${document.portal} of ${document.trustDomain}`,
    );
  }
  if (version !== undefined && document.version < version) {
    throw new NetportError(
      'policy_rollback',
      `version ${document.version} is older than ${version}, which is in force`,
    );
  }
  return document;
}

/** When a stored document says that it was signed: its signer's certificate counted then, however old the file is now. */
export function issuedAt(jws: string): Date | undefined {
  try {
    const payload = Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString('utf8');
    return new Date(parse(payload).issuedAt);
  } catch {
    return undefined;
  }
}

function signerChain(jws: string): Buffer[] {
  try {
    const { x5c } = decodeProtectedHeader(jws);
    if (!Array.isArray(x5c)) throw new TypeError('no x5c');
    return x5c.map((der) => Buffer.from(der, 'base64'));
  } catch (cause) {
    throw new NetportError('policy_signature_invalid', 'the policy message is no JWS with x5c', { cause });
  }
}

async function verifiedPayload(jws: string, signer: Buffer | undefined): Promise<string> {
  try {
    const key = new X509Certificate(signer ?? Buffer.alloc(0)).publicKey;
    const { payload } = await compactVerify(jws, key, { algorithms: ['ES256'] });
    return new TextDecoder('utf-8', { fatal: true }).decode(payload);
  } catch (cause) {
    throw new NetportError('policy_signature_invalid', 'the signature of the policy document is wrong', { cause });
  }
}

function parse(payload: string): PolicyDocument {
  try {
    return policyDocumentSchema.parse(JSON.parse(payload));
  } catch (thrown) {
    throw asNetportError(thrown, 'protocol_error', 'policy document');
  }
}
