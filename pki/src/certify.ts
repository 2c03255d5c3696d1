import { randomBytes } from 'node:crypto';
import { limits, toHex } from '@netport/protocol';
import { signingAlgorithm } from './keys.js';
import type { SigningKeys } from './signer.js';
import { x509 } from './x509.js';

/** For clocks that are behind. */
export const backdate = (now: Date): Date => new Date(now.getTime() - limits.clockSkew);

export const pem = (certificate: x509.X509Certificate): string => `${certificate.toString('pem')}\n`;

export interface Certificate {
  subject: string | x509.Name;
  issuer: string | x509.Name;
  publicKey: CryptoKey;
  signer: SigningKeys;
  notBefore: Date;
  notAfter: Date;
  extensions: x509.Extension[];
}

/** A certificate with a new serial and both key identifiers. */
export async function certify({ publicKey, signer, extensions, ...rest }: Certificate): Promise<x509.X509Certificate> {
  const certificate = {
    ...rest,
    serialNumber: newSerial(),
    publicKey,
    signingKey: signer.signingKey,
    signingAlgorithm,
    extensions: [
      ...extensions,
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(signer.publicKey),
    ],
  };
  return x509.X509CertificateGenerator.create(certificate, signer.crypto);
}

/** 127 random bits with the first byte in 1…127: positive and without a leading zero, as DER wants an integer. */
function newSerial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) % 127) + 1;
  return toHex(bytes);
}
