import { verify, X509Certificate } from 'node:crypto';
import { NetportError } from '@netport/protocol';
import { pemToDer, x509 } from './x509.js';

/** A revocation list whose signature was checked. */
export interface Revocations {
  readonly der: Uint8Array;
  /** Serials in lower-case hexadecimal. */
  readonly serials: ReadonlySet<string>;
  readonly thisUpdate: Date;
  /** After this a newer list should exist. A stale list is still used: a control outage must not cut anybody off. */
  readonly nextUpdate: Date | undefined;
}

/**
 * Reads a revocation list (RFC 5280 §5) that one of the CA certificates in `bundles` (PEM, several in each) has signed.
 * Throws `protocol_error` when it is none, `cert_untrusted` when none of them signed it.
 */
export function parseCrl(der: Uint8Array, bundles: readonly string[]): Revocations {
  const crl = decodeCrl(der);
  const signed = signedPart(der);
  const signature = new Uint8Array(crl.signature);
  const signedBy = (authority: X509Certificate): boolean =>
    authority.ca && verify('sha256', signed, authority.publicKey, signature);
  if (!bundles.flatMap(pemToDer).some((certificate) => signedBy(new X509Certificate(certificate)))) {
    throw new NetportError('cert_untrusted', 'the revocation list is not signed by a CA that this side knows');
  }
  return {
    der,
    serials: new Set(crl.entries.map((entry) => entry.serialNumber.toLowerCase())),
    thisUpdate: crl.thisUpdate,
    nextUpdate: crl.nextUpdate,
  };
}

function decodeCrl(der: Uint8Array): x509.X509Crl {
  try {
    return new x509.X509Crl(Uint8Array.from(der));
  } catch (cause) {
    throw new NetportError('protocol_error', 'not a certificate revocation list', { cause });
  }
}

/** The TBSCertList, with its tag and length, as it stands in the list: the first element of the outer SEQUENCE. */
function signedPart(der: Uint8Array): Uint8Array {
  const outer = header(der, 0);
  if (outer.end !== der.length) throw new NetportError('protocol_error', 'the revocation list has a wrong length');
  const inner = header(der, outer.start);
  return der.subarray(outer.start, inner.end);
}

/** Where the content of the DER element at `offset` starts and ends. The decoder above has already checked the form. */
function header(der: Uint8Array, offset: number): { start: number; end: number } {
  const first = der[offset + 1] ?? 0;
  if (first < 0x80) return { start: offset + 2, end: offset + 2 + first };
  const count = first & 0x7f;
  const length = der.subarray(offset + 2, offset + 2 + count).reduce((sum, byte) => sum * 256 + byte, 0);
  return { start: offset + 2 + count, end: offset + 2 + count + length };
}

/** PEM as OpenSSL and Node's TLS read it. */
export const crlToPem = (der: Uint8Array): string =>
  `-----BEGIN X509 CRL-----\n${Buffer.from(der).toString('base64').replace(/.{64}/g, '$&\n').trimEnd()}\n-----END X509 CRL-----\n`;
