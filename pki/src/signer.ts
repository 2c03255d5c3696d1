import { createPrivateKey, sign } from 'node:crypto';
import { importPublicKey, keyAlgorithm, publicKeyOf } from './keys.js';

/**
 * What an authority signs with. Its key need not be in this process, nor in its memory: a PKCS#11 token's `C_Sign` with
 * `CKM_ECDSA_SHA256`, or a key service, fits behind these two just as a file does.
 */
export interface Signer {
  /** EC P-256, SubjectPublicKeyInfo DER. */
  readonly publicKey: Uint8Array;
  /** ECDSA with SHA-256 over `data`: r and s, 32 bytes each (IEEE P1363). */
  sign(data: Uint8Array): Promise<Uint8Array>;
}

/** Signs with a private key that is here, as PEM. */
export function keySigner(keyPem: string): Signer {
  const key = createPrivateKey(keyPem);
  return {
    publicKey: publicKeyOf(keyPem),
    sign: async (data) => new Uint8Array(sign('sha256', data, { key, dsaEncoding: 'ieee-p1363' })),
  };
}

/** A signer as @peculiar/x509 wants it: a WebCrypto whose `sign` asks the signer, and a key that only stands for its. */
export interface SigningKeys {
  crypto: Crypto;
  publicKey: CryptoKey;
  signingKey: CryptoKey;
}

/** Throws when the signer's public key is not EC P-256. */
export async function signingKeys(signer: Signer): Promise<SigningKeys> {
  const publicKey = await importPublicKey(signer.publicKey);
  const subtle = new Proxy(crypto.subtle, {
    get: (target, name) => {
      if (name === 'sign') return (_algorithm: unknown, _key: unknown, data: BufferSource) => ask(signer, data);
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const signingKey = { type: 'private', extractable: false, algorithm: keyAlgorithm, usages: ['sign'] } as CryptoKey;
  return { crypto: { subtle, getRandomValues: crypto.getRandomValues.bind(crypto) } as Crypto, publicKey, signingKey };
}

async function ask(signer: Signer, data: BufferSource): Promise<ArrayBuffer> {
  const bytes = ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
  return Uint8Array.from(await signer.sign(bytes)).buffer;
}
