import { limits, type TrustDomain } from '@netport/protocol';
import { backdate, certify, pem } from './certify.js';
import { generateKeyPem, importPublicKey } from './keys.js';
import { caExtensions } from './profile.js';
import { keySigner, signingKeys } from './signer.js';
import { bytesOf, x509 } from './x509.js';

/** All that an authority consists of, PEM. The root key is only needed to sign another issuer, so it can be taken off line. */
export interface AuthorityMaterial {
  rootPem: string;
  rootKeyPem: string;
  issuerPem: string;
  issuerKeyPem: string;
}

/** Makes a root CA and an issuing CA below it. `generation` counts the roots of a trust domain: from 2 on it is in their names. */
export async function createAuthority(options: {
  trustDomain: TrustDomain;
  now: Date;
  generation?: number;
}): Promise<AuthorityMaterial> {
  const { now } = options;
  const nameOf = (role: string): string => caName(options.trustDomain, role, options.generation ?? 1);
  const rootKeyPem = generateKeyPem();
  const issuerKeyPem = generateKeyPem();
  const rootKeys = await signingKeys(keySigner(rootKeyPem));
  const root = await certify({
    subject: nameOf('root'),
    issuer: nameOf('root'),
    publicKey: rootKeys.publicKey,
    signer: rootKeys,
    notBefore: backdate(now),
    notAfter: new Date(now.getTime() + limits.rootLifetime),
    extensions: caExtensions(1),
  });
  const issuer = await certify({
    subject: nameOf('issuing'),
    issuer: nameOf('root'),
    publicKey: await importPublicKey(keySigner(issuerKeyPem).publicKey),
    signer: rootKeys,
    notBefore: backdate(now),
    notAfter: new Date(now.getTime() + limits.issuerLifetime),
    extensions: caExtensions(0),
  });
  return { rootPem: pem(root), rootKeyPem, issuerPem: pem(issuer), issuerKeyPem };
}

/**
 * One root's key and name, certified by another root (RFC 4210 §4.4: NewWithOld, or OldWithNew): who trusts the other may
 * trust this one, too. PEM.
 */
export async function linkRoots(options: {
  rootPem: string;
  by: Pick<AuthorityMaterial, 'rootPem' | 'rootKeyPem'>;
  now: Date;
}): Promise<string> {
  const [root, other] = [options.rootPem, options.by.rootPem].map((text) => new x509.X509Certificate(text));
  if (!root || !other) throw new TypeError('two roots are needed');
  const link = await certify({
    subject: root.subjectName,
    issuer: other.subjectName,
    publicKey: await importPublicKey(bytesOf(root.publicKey.rawData)),
    signer: await signingKeys(keySigner(options.by.rootKeyPem)),
    notBefore: backdate(options.now),
    notAfter: new Date(Math.min(root.notAfter.getTime(), other.notAfter.getTime())),
    extensions: caExtensions(1),
  });
  return pem(link);
}

/**
 * Whether `name` is that of a root that came after the one called `other`, in the same trust domain. Only for names that somebody
 * trusted has signed: dates and keys of a self-signed certificate are what its holder says.
 */
export function succeeds(name: string, other: string): boolean {
  const [later, earlier] = [rootNameOf(name), rootNameOf(other)];
  return !!later && !!earlier && later.trustDomain === earlier.trustDomain && later.generation > earlier.generation;
}

function rootNameOf(name: string): { trustDomain: string; generation: number } | undefined {
  const [, generation = '1', trustDomain] = /^CN=Netport root CA(?: G([1-9]\d{0,8}))?, O=([^,]+)$/.exec(name) ?? [];
  return trustDomain === undefined ? undefined : { trustDomain, generation: Number(generation) };
}

const caName = (trustDomain: TrustDomain, role: string, generation: number): string =>
  `CN=Netport ${role} CA${generation > 1 ? ` G${generation}` : ''},O=${trustDomain.slice(0, 64)}`;
