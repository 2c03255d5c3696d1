import { decodeJoinToken, NetportError, parseSpiffeId } from '@netport/protocol';
import { type DataDirectory, enrol, type Logger, loadIdentity, type StoredIdentity } from '@netport/runtime';

/** The identity that the directory holds, or the one that a join token buys. Throws `cert_*` or `token_*`. */
export async function identify(options: {
  directory: DataDirectory;
  joinToken?: string | undefined;
  log: Logger;
  proxy?: URL | undefined;
}): Promise<StoredIdentity> {
  const { directory, joinToken, log, proxy } = options;
  const stored = await loadIdentity(directory);
  if (stored) {
    if (parseSpiffeId(stored.id)?.kind === 'portal') return stored;
    throw new NetportError('cert_wrong_name', `${directory.path} belongs to ${stored.id}: give another --data`);
  }
  if (!joinToken) {
    throw new NetportError('cert_missing', `${directory.path} holds no identity yet: give a join token with --join`);
  }
  // Looked at before it is sent: a token works once, and this one would be wasted.
  const { kind } = decodeJoinToken(joinToken);
  if (kind !== 'portal') throw new NetportError('token_invalid', `this join token is for a ${kind}, not for a portal`);
  return enrol({ token: joinToken, directory, log, proxy });
}
