import { createAuthority } from '@netport/pki';
import { NetportError, type TrustDomain, trustDomainSchema } from '@netport/protocol';
import { AuthorityFiles, type Files } from './authority-files.js';
import { CertificateAuthority } from './certificate-authority.js';

/** Written last: where it is, the CA is whole. */
const trustDomainFile = 'trust-domain';

export const defaultTrustDomain = 'netport.internal';

/**
 * The CA of a data directory, made on the first start; with a passphrase, its keys are on disk encrypted only. Throws
 * `invalid_request` when the trust domain is malformed or not the one that it was made for, `not_found` when a file is missing.
 */
export async function loadAuthority(
  directory: Files,
  wanted: string | undefined,
  now: Date,
  passphrase?: string,
): Promise<{ authority: CertificateAuthority; trustDomain: TrustDomain }> {
  const kept = (await directory.read(trustDomainFile))?.trim();
  const trustDomain = parseTrustDomain(kept ?? wanted ?? defaultTrustDomain);
  if (wanted !== undefined && wanted !== trustDomain) {
    throw new NetportError(
      'invalid_request',
      `${directory.path} belongs to the trust domain ${trustDomain}, not ${wanted}: every identity has it in its name. ` +
        'Leave --trust-domain out, or start with another data directory',
    );
  }
  const files = new AuthorityFiles(directory, passphrase);
  if (kept === undefined) {
    const made = await createAuthority({ trustDomain, now });
    const { rootPem, issuerPem } = made;
    await files.writeKeys(1, made);
    const generations = [{ number: 1, rootPem, issuerPem }] as const;
    await files.writeRecord({ phase: 'stable', since: now.toISOString(), generations, linkPems: [] });
    await directory.write(trustDomainFile, `${trustDomain}\n`);
  }
  return { authority: await CertificateAuthority.open(files, trustDomain), trustDomain };
}

function parseTrustDomain(text: string): TrustDomain {
  const result = trustDomainSchema.safeParse(text);
  if (result.success) return result.data;
  throw new NetportError('invalid_request', `"${text}" is no trust domain: ${result.error.issues[0]?.message}`);
}
