import { decodeJoinToken, NetportError, parseSpiffeId } from '@netport/protocol';
import type { DataDirectory } from './data-directory.js';
import { type DeviceFiles, enrolDevice } from './device-enrolment.js';
import { enrol } from './enrolment.js';
import { loadIdentity, type StoredIdentity } from './identity.js';
import type { Logger } from './log.js';

/**
 * The identity that the directory holds, or the one that a join token or a device certificate buys: where there is none yet, where
 * the one that there is has expired, or where it is to be bought `anew`. Throws `cert_*`, `token_*`, or what `enrolDevice` throws.
 */
export async function identify(options: {
  directory: DataDirectory;
  kind: 'portal' | 'relay';
  joinToken?: string | undefined;
  /** Where there is no join token. */
  device?: DeviceFiles | undefined;
  anew?: boolean;
  now: () => Date;
  log: Logger;
  /** An HTTP proxy on the way. */
  proxy?: URL | undefined;
}): Promise<StoredIdentity> {
  const { directory, kind, joinToken, device, anew = false, now, log, proxy } = options;
  const stored = await loadIdentity(directory);
  if (stored && parseSpiffeId(stored.id)?.kind !== kind) {
    throw new NetportError('cert_wrong_name', `${directory.path} belongs to ${stored.id}: give another --data`);
  }
  if (stored && ((!joinToken && !device) || (!anew && now() <= stored.notAfter))) return stored;
  if (!joinToken) {
    if (device) return enrolDevice({ device, directory, stored, log, proxy });
    throw new NetportError('cert_missing', `${directory.path} holds no identity yet: give a join token with --join`);
  }
  // Looked at before it is sent: a token works once, and this one would be wasted.
  const token = decodeJoinToken(joinToken);
  if (token.kind !== kind) {
    throw new NetportError('token_invalid', `this join token is for a ${token.kind}, not for a ${kind}`);
  }
  if (stored && token.name !== stored.name) {
    throw new NetportError(
      'token_invalid',
      `this join token is for ${token.name}, and ${directory.path} is ${stored.name}'s`,
    );
  }
  if (stored) log.info({ id: stored.id, notAfter: stored.notAfter }, 'enrolling again');
  return enrol({ token: joinToken, directory, log, proxy });
}
