import { createHash, randomBytes } from 'node:crypto';
import { limits, NetportError, parseSpiffeId, type SpiffeId, type TrustDomain, toHex } from '@netport/protocol';
import { generateKeyPem, importKeyPair, importPublicKey, signingAlgorithm } from './keys.js';
import { caExtensions, leafExtensions } from './profile.js';
import { bytesOf, x509 } from './x509.js';

/** All that an authority consists of, PEM. The root key is only needed to sign another issuer, so it can be taken off line. */
export interface AuthorityMaterial {
  rootPem: string;
  rootKeyPem: string;
  issuerPem: string;
  issuerKeyPem: string;
}

export interface Issued {
  /** The leaf and its issuer: what a TLS end presents. */
  chainPem: string;
  /** Hexadecimal, lower case. */
  serial: string;
  id: SpiffeId;
  notBefore: Date;
  notAfter: Date;
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

/** Makes a root CA and an issuing CA below it. */
export async function createAuthority(options: { trustDomain: TrustDomain; now: Date }): Promise<AuthorityMaterial> {
  const { trustDomain, now } = options;
  const rootKeyPem = generateKeyPem();
  const issuerKeyPem = generateKeyPem();
  const rootKeys = await importKeyPair(rootKeyPem);
  const issuerKeys = await importKeyPair(issuerKeyPem);
  const root = await certify({
    subject: caName(trustDomain, 'root'),
    issuer: caName(trustDomain, 'root'),
    publicKey: rootKeys.publicKey,
    signer: rootKeys,
    notBefore: backdate(now),
    notAfter: new Date(now.getTime() + limits.rootLifetime),
    extensions: caExtensions(1),
  });
  const issuer = await certify({
    subject: caName(trustDomain, 'issuing'),
    issuer: caName(trustDomain, 'root'),
    publicKey: issuerKeys.publicKey,
    signer: rootKeys,
    notBefore: backdate(now),
    notAfter: new Date(now.getTime() + limits.issuerLifetime),
    extensions: caExtensions(0),
  });
  return { rootPem: pem(root), rootKeyPem, issuerPem: pem(issuer), issuerKeyPem };
}

/** The authority that signs with the issuing key of `material`. */
export async function openAuthority(material: Omit<AuthorityMaterial, 'rootKeyPem'>): Promise<Authority> {
  const { rootPem, issuerPem } = material;
  const signer = await importKeyPair(material.issuerKeyPem);
  const issuer = new x509.X509Certificate(issuerPem);
  const issuerKeyId = await x509.AuthorityKeyIdentifierExtension.create(signer.publicKey);

  return {
    rootPem,
    issuerPem,
    rootFingerprint: certificateFingerprint(bytesOf(new x509.X509Certificate(rootPem).rawData)),

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
      return { chainPem: pem(leaf) + issuerPem, serial: leaf.serialNumber.toLowerCase(), id, notBefore, notAfter };
    },

    async crl({ revoked, number, now }) {
      const crl = await x509.X509CrlGenerator.create({
        issuer: issuer.subjectName,
        thisUpdate: backdate(now),
        nextUpdate: new Date(now.getTime() + limits.crlLifetime),
        entries: revoked.map(({ serial, revokedAt }) => ({ serialNumber: serial, revocationDate: revokedAt })),
        extensions: [issuerKeyId, new x509.Extension('2.5.29.20', false, derInteger(number))],
        signingAlgorithm,
        signingKey: signer.privateKey,
      });
      return bytesOf(crl.rawData);
    },
  };
}

/** SHA-256 of a certificate's DER, hexadecimal. */
export const certificateFingerprint = (der: Uint8Array): string => createHash('sha256').update(der).digest('hex');

const caName = (trustDomain: TrustDomain, role: string): string =>
  `CN=Netport ${role} CA,O=${trustDomain.slice(0, 64)}`;

const backdate = (now: Date): Date => new Date(now.getTime() - limits.clockSkew);

const pem = (certificate: x509.X509Certificate): string => `${certificate.toString('pem')}\n`;

interface Certificate {
  subject: string;
  issuer: string | x509.Name;
  publicKey: CryptoKey;
  signer: CryptoKeyPair;
  notBefore: Date;
  notAfter: Date;
  extensions: x509.Extension[];
}

async function certify({ publicKey, signer, extensions, ...rest }: Certificate): Promise<x509.X509Certificate> {
  return x509.X509CertificateGenerator.create({
    ...rest,
    serialNumber: newSerial(),
    publicKey,
    signingKey: signer.privateKey,
    signingAlgorithm,
    extensions: [
      ...extensions,
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(signer.publicKey),
    ],
  });
}

/** 127 random bits with the first byte in 1…127: positive and without a leading zero, as DER wants an integer. */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) % 127) + 1;
  return toHex(bytes);
}

/** DER of a non-negative INTEGER. */
function derInteger(value: number): Uint8Array<ArrayBuffer> {
  let hex = value.toString(16);
  if (hex.length % 2 === 1) hex = `0${hex}`;
  if (Number.parseInt(hex.slice(0, 2), 16) >= 0x80) hex = `00${hex}`;
  return Uint8Array.from([0x02, hex.length / 2, ...Buffer.from(hex, 'hex')]);
}
