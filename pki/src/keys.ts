import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';

/** Every Netport key is EC P-256, signing with SHA-256: what TLS 1.3, JWS (ES256) and X.509 all have in common. */
export const keyAlgorithm = { name: 'ECDSA', namedCurve: 'P-256' } as const;
export const signingAlgorithm = { name: 'ECDSA', hash: 'SHA-256' } as const;

/** A new private key as PKCS#8 PEM. */
export function generateKeyPem(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

const encrypted = /^-----BEGIN ENCRYPTED PRIVATE KEY-----/;

/** Whether a private key needs a passphrase. */
export const isEncryptedKey = (keyPem: string): boolean => encrypted.test(keyPem.trimStart());

/** The same key as PKCS#8 PEM that only the passphrase opens (RFC 5958 §3). */
export const encryptKeyPem = (keyPem: string, passphrase: string): string =>
  createPrivateKey(keyPem).export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase }).toString();

/** And back. Throws when the passphrase is not the one. */
export const decryptKeyPem = (keyPem: string, passphrase: string): string =>
  createPrivateKey({ key: keyPem, passphrase }).export({ type: 'pkcs8', format: 'pem' }).toString();

/** The public half of a private key, as SubjectPublicKeyInfo DER. */
export const publicKeyOf = (keyPem: string): Uint8Array =>
  new Uint8Array(createPublicKey(createPrivateKey(keyPem)).export({ type: 'spki', format: 'der' }));

/** The same key for WebCrypto, which @peculiar/x509 signs with. Throws when the PEM is not an EC P-256 key. */
export async function importKeyPair(keyPem: string): Promise<CryptoKeyPair> {
  const pkcs8 = createPrivateKey(keyPem).export({ type: 'pkcs8', format: 'der' });
  const [privateKey, publicKey] = await Promise.all([
    crypto.subtle.importKey('pkcs8', pkcs8, keyAlgorithm, false, ['sign']),
    importPublicKey(publicKeyOf(keyPem)),
  ]);
  return { privateKey, publicKey };
}

/** Throws when the DER is not an EC P-256 SubjectPublicKeyInfo. */
export const importPublicKey = (spki: Uint8Array): Promise<CryptoKey> =>
  crypto.subtle.importKey('spki', Uint8Array.from(spki), keyAlgorithm, true, ['verify']);
