// @peculiar/x509 resolves its parts through reflection, so the polyfill has to be there first.
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';

x509.cryptoProvider.set(crypto);

export { x509 };

export const bytesOf = (data: ArrayBuffer): Uint8Array => new Uint8Array(data);

/** Each certificate of a PEM bundle as DER, in order. */
export const pemToDer = (bundle: string): Uint8Array[] =>
  x509.PemConverter.decode(bundle).map((certificate) => bytesOf(certificate));

export const derToPem = (der: Uint8Array): string =>
  `${new x509.X509Certificate(Uint8Array.from(der)).toString('pem')}\n`;

/** Each certificate of a PEM bundle as PEM of its own, in order. */
export const pemsIn = (bundle: string): string[] => pemToDer(bundle).map(derToPem);
