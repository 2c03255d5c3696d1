import { NetportError } from '@netport/protocol';
import { bytesOf, pemToDer, x509 } from './x509.js';

/** A "certs-only" CMS SignedData (RFC 5652 §5, RFC 7030 §4.1.3), DER: how EST answers with certificates. */
export function encodeCertsOnly(pems: readonly string[]): Uint8Array {
  const certificates = pems.flatMap(pemToDer).map((der) => new x509.X509Certificate(Uint8Array.from(der)));
  return bytesOf(new x509.X509Certificates(certificates).export('raw'));
}

/** The certificates in it, each as PEM, in the order of the message. Throws `protocol_error`. */
export function decodeCertsOnly(der: Uint8Array): string[] {
  try {
    return [...new x509.X509Certificates(Uint8Array.from(der))].map(
      (certificate) => `${certificate.toString('pem')}\n`,
    );
  } catch (cause) {
    throw new NetportError('protocol_error', 'not a certs-only CMS message', { cause });
  }
}
