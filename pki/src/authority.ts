import { createHash } from 'node:crypto';
import { limits, NetportError, parseSpiffeId, type SpiffeId } from '@netport/protocol';
import type { AuthorityMaterial } from './authority-material.js';
import { backdate, certify, pem } from './certify.js';
import { importPublicKey, signingAlgorithm } from './keys.js';
import { leafExtensions } from './profile.js';
import { keySigner, type Signer, signingKeys } from './signer.js';
import { bytesOf, x509 } from './x509.js';

export interface Issued {
  /** The leaf and its issuer: what a TLS end presents. */
  chainPem: string;
  /** Hexadecimal, lower case. */
  serial: string;
  id: SpiffeId;
  notBefore: Date;
  notAfter: Date;
  /** Of the root above it: SHA-256, hexadecimal. */
  rootFingerprint: string;
}

export interface IssueRequest {
  /** The certificate's profile follows from the kind in this ID. */
  id: SpiffeId;
  /** SubjectPublicKeyInfo DER, out of a checked CSR. */
  publicKey: Uint8Array;
  now: Date;
  /** DNS names and IP addresses, for a control server. */
  names?: readonly string[];
  /** Milliseconds; limits.leafLifetime by default. */
  lifetime?: number;
}

export interface CrlRequest {
  revoked: readonly { serial: string; revokedAt: Date }[];
  /** Grows with every list (RFC 5280 §5.2.3). */
  number: number;
  now: Date;
}

export interface Authority {
  readonly rootPem: string;
  readonly issuerPem: string;
  /** SHA-256 of the root certificate's DER, hexadecimal: what join tokens carry. */
  readonly rootFingerprint: string;
  issue(request: IssueRequest): Promise<Issued>;
  /** The revocation list, DER, signed by the issuer. Slow for long lists (a quarter second a thousand): cache it. */
  crl(request: CrlRequest): Promise<Uint8Array>;
}

/** What an authority is opened with: its certificates, and a key or whatever else signs for it. */
export type AuthoritySource = Pick<AuthorityMaterial, 'rootPem' | 'issuerPem'> &
  ({ issuerKeyPem: string } | { signer: Signer });

/** The authority whose issuing CA signs with that. */
export async function openAuthority(source: AuthoritySource): Promise<Authority> {
  const { rootPem, issuerPem } = source;
  const signer = await signingKeys('signer' in source ? source.signer : keySigner(source.issuerKeyPem));
  const issuer = new x509.X509Certificate(issuerPem);
  const rootFingerprint = certificateFingerprint(bytesOf(new x509.X509Certificate(rootPem).rawData));
  const issuerKeyId = await x509.AuthorityKeyIdentifierExtension.create(signer.publicKey);

  return {
    rootPem,
    issuerPem,
    rootFingerprint,

    async issue({ id, publicKey, now, names = [], lifetime = limits.leafLifetime }) {
      const identity = parseSpiffeId(id);
      if (!identity) throw new NetportError('invalid_request', `${id} is not a Netport SPIFFE ID`);
      const notBefore = backdate(now);
      // A leaf must not outlive its issuer: the chain would end earlier than the leaf says.
      const notAfter = new Date(Math.min(now.getTime() + lifetime, issuer.notAfter.getTime()));
      const leaf = await certify({
        subject: `CN=${identity.kind}-${identity.name}`.slice(0, 67),
        issuer: issuer.subjectName,
        publicKey: await importPublicKey(publicKey),
        signer,
        notBefore,
        notAfter,
        extensions: leafExtensions(identity.kind, id, names),
      });
      const serial = leaf.serialNumber.toLowerCase();
      return { chainPem: pem(leaf) + issuerPem, serial, id, notBefore, notAfter, rootFingerprint };
    },

    async crl({ revoked, number, now }) {
      const list = {
        issuer: issuer.subjectName,
        thisUpdate: backdate(now),
        nextUpdate: new Date(now.getTime() + limits.crlLifetime),
        entries: revoked.map(({ serial, revokedAt }) => ({ serialNumber: serial, revocationDate: revokedAt })),
        extensions: [issuerKeyId, new x509.Extension('2.5.29.20', false, derInteger(number))],
        signingAlgorithm,
        signingKey: signer.signingKey,
      };
      const crl = await x509.X509CrlGenerator.create(list, signer.crypto);
      return bytesOf(crl.rawData);
    },
  };
}

/** SHA-256 of a certificate's DER, hexadecimal. */
export const certificateFingerprint = (der: Uint8Array): string => createHash('sha256').update(der).digest('hex');

/** DER of a non-negative INTEGER. */
function derInteger(value: number): Uint8Array<ArrayBuffer> {
  let hex = value.toString(16);
  if (hex.length % 2 === 1) hex = `0${hex}`;
  if (Number.parseInt(hex.slice(0, 2), 16) >= 0x80) hex = `00${hex}`;
  return Uint8Array.from([0x02, hex.length / 2, ...Buffer.from(hex, 'hex')]);
}
