export * from './authority.js';
export * from './certs-only.js';
export * from './csr.js';
export { decryptKeyPem, encryptKeyPem, generateKeyPem, isEncryptedKey, publicKeyOf } from './keys.js';
export * from './revocations.js';
export * from './tls.js';
export * from './verify.js';
export { derToPem, pemToDer } from './x509.js';
