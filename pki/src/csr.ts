import { NetportError } from '@netport/protocol';
import { importKeyPair, importPublicKey, signingAlgorithm } from './keys.js';
import { bytesOf, x509 } from './x509.js';

/**
 * A PKCS#10 request (RFC 2986), DER. It carries no name: who its owner may become is said by the join token, and by
 * nothing that the owner writes.
 */
export async function createCsr(keyPem: string): Promise<Uint8Array> {
  const keys = await importKeyPair(keyPem);
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({ keys, signingAlgorithm });
  return bytesOf(csr.rawData);
}

/**
 * Checks a request's form, its key (EC P-256) and its proof of possession. Returns the public key,
 * SubjectPublicKeyInfo DER: all that is ever used of a request. Throws `csr_invalid`.
 */
export async function checkCsr(der: Uint8Array): Promise<Uint8Array> {
  try {
    const csr = new x509.Pkcs10CertificateRequest(Uint8Array.from(der));
    const publicKey = bytesOf(csr.publicKey.rawData);
    await importPublicKey(publicKey);
    if (await csr.verify()) return publicKey;
  } catch (cause) {
    throw new NetportError('csr_invalid', 'the request is not PKCS#10 with an EC P-256 key', { cause });
  }
  throw new NetportError('csr_invalid', 'the request is not signed by the key that it names');
}
