import { NetportError } from '@netport/protocol';
import { importKeyPair, importPublicKey, signingAlgorithm } from './keys.js';
import { bytesOf, x509 } from './x509.js';

/**
 * A PKCS#10 request (RFC 2986), DER. The first one carries no name: who its owner may become is said by the join token, and
 * by nothing that the owner writes. One that is to renew a certificate (its DER) has the names of that (RFC 7030 §4.2.2).
 */
export async function createCsr(keyPem: string, renewed?: Uint8Array): Promise<Uint8Array> {
  const keys = await importKeyPair(keyPem);
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    keys,
    signingAlgorithm,
    ...(renewed && namesOf(new x509.X509Certificate(Uint8Array.from(renewed)))),
  });
  return bytesOf(csr.rawData);
}

/**
 * Checks a request's form, its key (EC P-256) and its proof of possession, and that it has no other names than the
 * certificate that it is to renew, where there is one. Returns the public key, SubjectPublicKeyInfo DER: all that is ever
 * used of a request. Throws `csr_invalid`.
 */
export async function checkCsr(der: Uint8Array, renewed?: Uint8Array): Promise<Uint8Array> {
  let named = true;
  try {
    const csr = new x509.Pkcs10CertificateRequest(Uint8Array.from(der));
    const publicKey = bytesOf(csr.publicKey.rawData);
    await importPublicKey(publicKey);
    named = !renewed || hasNamesOf(csr, new x509.X509Certificate(Uint8Array.from(renewed)));
    if (named && (await csr.verify())) return publicKey;
  } catch (cause) {
    throw new NetportError('csr_invalid', 'the request is not PKCS#10 with an EC P-256 key', { cause });
  }
  throw new NetportError(
    'csr_invalid',
    named ? 'the request is not signed by the key that it names' : 'the request has other names than the certificate',
  );
}

const alternativeNames = (from: { extensions: x509.Extension[] }): x509.Extension | undefined =>
  from.extensions.find(({ type }) => type === '2.5.29.17');

function namesOf(certificate: x509.X509Certificate) {
  const names = alternativeNames(certificate);
  return { name: certificate.subjectName, extensions: names ? [names] : [] };
}

/** A request that leaves a name out claims nothing by that. */
function hasNamesOf(csr: x509.Pkcs10CertificateRequest, certificate: x509.X509Certificate): boolean {
  const [asked, given] = [alternativeNames(csr), alternativeNames(certificate)];
  const sameSubject = csr.subject === '' || csr.subject === certificate.subject;
  return sameSubject && (!asked || (!!given && Buffer.from(asked.value).equals(Buffer.from(given.value))));
}
