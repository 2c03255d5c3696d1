import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { limits, type Name, NetportError } from '@netport/protocol';
import type { ApiTokenRecord } from '../store/store.js';
import type { Principal, StateContext } from './context.js';

const prefix = 'npa_';
/** The token in the data directory: it is always there, and always an admin's. */
export const firstToken = 'admin' as Name;

/** 256 random bits: a plain hash is all that has to be kept. */
export const makeAdminToken = (): string => `${prefix}${randomBytes(32).toString('base64url')}`;

export const hashToken = (token: string): Buffer => createHash('sha256').update(token).digest();

/** Makes `token` the admin token: an older one stops working. */
export async function keepAdminToken(context: StateContext, token: string): Promise<void> {
  const hash = hashToken(token);
  await context.store.transaction(async (records) => {
    if ((await records.apiTokens.find(hash))?.name === firstToken) return;
    await records.apiTokens.remove(firstToken);
    await records.apiTokens.add({
      ...{ id: randomUUID(), name: firstToken, hash, role: 'admin', scopes: null },
      ...{ createdAt: context.now(), expiresAt: null, lastUsedAt: null },
    });
  });
}

/** Who bears an `Authorization` field's token. Throws `unauthenticated`. */
export async function authenticate(
  context: StateContext,
  authorization: string | undefined,
  origin: string | null,
): Promise<Principal> {
  const [, token] = /^Bearer +(\S+)$/i.exec(authorization ?? '') ?? [];
  const { name, role, scopes } = await tokenRecord(
    context,
    token,
    authorization === undefined ? 'no token was sent' : 'this is no API token (npa_…)',
  );
  return { name: actorName(name), origin, role, scopes };
}

/** Who asks with an API token or with a session that it opened. */
export const actorName = (tokenName: string): string => `token:${tokenName}`;

/** The record of an API token, which is used with that. Throws `unauthenticated`, with `malformed` where it does not look like one. */
export async function tokenRecord(
  { store, now }: StateContext,
  token: string | undefined,
  malformed: string,
): Promise<ApiTokenRecord> {
  if (token === undefined || !/^npa_[A-Za-z0-9_-]{43}$/.test(token)) {
    throw new NetportError('unauthenticated', malformed);
  }
  const { apiTokens } = store.records;
  // By its hash: how long that takes tells of the hash of a guess, never of a token.
  const found = await apiTokens.find(hashToken(token));
  if (!found) throw new NetportError('unauthenticated', 'this API token is not known here');
  const at = now();
  if (found.expiresAt && found.expiresAt <= at) {
    throw new NetportError('unauthenticated', `the API token ${found.name} has expired: ask an admin for another`);
  }
  if (at.getTime() - (found.lastUsedAt?.getTime() ?? 0) >= limits.adminSessionSeen) await apiTokens.used(found.id, at);
  return found;
}
