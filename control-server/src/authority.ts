import { readFile } from 'node:fs/promises';
import {
  type Authority,
  createAuthority,
  decryptKeyPem,
  encryptKeyPem,
  isEncryptedKey,
  openAuthority,
} from '@netport/pki';
import { NetportError, type TrustDomain, trustDomainSchema } from '@netport/protocol';
import type { DataDirectory } from '@netport/runtime';

const files = {
  rootPem: 'root.pem',
  rootKeyPem: 'root-key.pem',
  issuerPem: 'issuer.pem',
  issuerKeyPem: 'issuer-key.pem',
  /** Written last: where it is, the CA is whole. */
  trustDomain: 'trust-domain',
} as const;

export const defaultTrustDomain = 'netport.internal';

/** What the file of `--ca-passphrase-file` says, without its line end. Throws `invalid_request`. */
export async function readPassphrase(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((cause: Error) => {
    throw new NetportError('invalid_request', `the CA passphrase cannot be read: ${cause.message}`, { cause });
  });
  const passphrase = text.replace(/\r?\n$/, '');
  if (passphrase !== '') return passphrase;
  throw new NetportError('invalid_request', `the CA passphrase file ${path} is empty`);
}

/**
 * The CA of a data directory, made on the first start; with a passphrase, its keys are on disk encrypted only. Throws `invalid_request` when the trust domain is malformed or not
 * the one that it was made for, `not_found` when a file is missing.
 */
export async function loadAuthority(
  directory: DataDirectory,
  wanted: string | undefined,
  now: Date,
  passphrase?: string,
): Promise<{ authority: Authority; trustDomain: TrustDomain }> {
  const kept = (await directory.read(files.trustDomain))?.trim();
  const trustDomain = parseTrustDomain(kept ?? wanted ?? defaultTrustDomain);
  if (wanted !== undefined && wanted !== trustDomain) {
    throw new NetportError(
      'invalid_request',
      `${directory.path} belongs to the trust domain ${trustDomain}, not ${wanted}: every identity has it in its name. ` +
        'Leave --trust-domain out, or start with another data directory',
    );
  }
  if (kept === undefined) await makeAuthority(directory, trustDomain, now, passphrase);
  const authority = await openAuthority({
    rootPem: await existing(directory, files.rootPem),
    issuerPem: await existing(directory, files.issuerPem),
    issuerKeyPem: openKey(directory, await existing(directory, files.issuerKeyPem), passphrase),
  });
  // Only now: a passphrase that does not open the one key must not close the other.
  if (passphrase !== undefined) await encryptKeys(directory, passphrase);
  return { authority, trustDomain };
}

async function makeAuthority(
  directory: DataDirectory,
  trustDomain: TrustDomain,
  now: Date,
  passphrase: string | undefined,
): Promise<void> {
  const made = await createAuthority({ trustDomain, now });
  const keyFile = (keyPem: string): string => (passphrase === undefined ? keyPem : encryptKeyPem(keyPem, passphrase));
  const material = { ...made, rootKeyPem: keyFile(made.rootKeyPem), issuerKeyPem: keyFile(made.issuerKeyPem) };
  for (const name of ['rootPem', 'rootKeyPem', 'issuerPem', 'issuerKeyPem'] as const) {
    await directory.write(files[name], material[name]);
  }
  await directory.write(files.trustDomain, `${trustDomain}\n`);
}

/** Keys from before there was a passphrase. The root key may have been taken away. */
async function encryptKeys(directory: DataDirectory, passphrase: string): Promise<void> {
  for (const name of [files.rootKeyPem, files.issuerKeyPem]) {
    const keyPem = await directory.read(name);
    if (keyPem && !isEncryptedKey(keyPem)) await directory.write(name, encryptKeyPem(keyPem, passphrase));
  }
}

function openKey(directory: DataDirectory, keyPem: string, passphrase: string | undefined): string {
  if (!isEncryptedKey(keyPem)) return keyPem;
  const path = `${directory.path}/${files.issuerKeyPem}`;
  if (passphrase === undefined) {
    throw new NetportError('invalid_request', `${path} is encrypted: give the passphrase with --ca-passphrase-file`);
  }
  try {
    return decryptKeyPem(keyPem, passphrase);
  } catch (cause) {
    throw new NetportError('invalid_request', `the CA passphrase does not open ${path}`, { cause });
  }
}

async function existing(directory: DataDirectory, name: string): Promise<string> {
  const content = await directory.read(name);
  if (content === undefined) {
    throw new NetportError('not_found', `${directory.path}/${name} is missing: restore it from a backup`);
  }
  return content;
}

function parseTrustDomain(text: string): TrustDomain {
  const result = trustDomainSchema.safeParse(text);
  if (result.success) return result.data;
  throw new NetportError('invalid_request', `"${text}" is no trust domain: ${result.error.issues[0]?.message}`);
}
