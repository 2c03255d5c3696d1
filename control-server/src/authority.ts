import { type Authority, createAuthority, openAuthority } from '@netport/pki';
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

/**
 * The CA of a data directory, made on the first start. Throws `invalid_request` when the trust domain is malformed or not
 * the one that it was made for, `not_found` when a file is missing.
 */
export async function loadAuthority(
  directory: DataDirectory,
  wanted: string | undefined,
  now: Date,
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
  if (kept === undefined) await makeAuthority(directory, trustDomain, now);
  const authority = await openAuthority({
    rootPem: await existing(directory, files.rootPem),
    issuerPem: await existing(directory, files.issuerPem),
    issuerKeyPem: await existing(directory, files.issuerKeyPem),
  });
  return { authority, trustDomain };
}

async function makeAuthority(directory: DataDirectory, trustDomain: TrustDomain, now: Date): Promise<void> {
  const material = await createAuthority({ trustDomain, now });
  for (const name of ['rootPem', 'rootKeyPem', 'issuerPem', 'issuerKeyPem'] as const) {
    await directory.write(files[name], material[name]);
  }
  await directory.write(files.trustDomain, `${trustDomain}\n`);
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
