import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import { NetportError } from '@netport/protocol';
import type { ApiTokenRecord } from '../store/store.js';
import type { Actor, StateContext } from './context.js';

const prefix = 'npa_';
const adminName = 'admin';

/** 256 random bits: a plain hash is all that has to be kept. */
export const makeAdminToken = (): string => `${prefix}${randomBytes(32).toString('base64url')}`;

const hash = (token: string): Buffer => createHash('sha256').update(token).digest();

/** Makes `token` the admin token: an older one stops working. */
export async function keepAdminToken(context: StateContext, token: string): Promise<void> {
  await context.store.transaction(async (records) => {
    const kept = (await records.apiTokens.list()).find(({ name }) => name === adminName);
    if (kept && timingSafeEqual(kept.hash, hash(token))) return;
    await records.apiTokens.remove(adminName);
    await records.apiTokens.add({ id: randomUUID(), name: adminName, hash: hash(token), createdAt: context.now() });
  });
}

/** Who bears an `Authorization` field's token. Throws `unauthenticated`. */
export async function authenticate(
  context: StateContext,
  authorization: string | undefined,
  origin: string | null,
): Promise<Actor> {
  const [, token] = /^Bearer +(\S+)$/i.exec(authorization ?? '') ?? [];
  const { name } = await tokenRecord(
    context,
    token,
    authorization === undefined ? 'no token was sent' : 'this is no admin token (npa_…)',
  );
  return { name: actorName(name), origin };
}

/** Who asks with an admin token or with a session that it opened. */
export const actorName = (tokenName: string): string => `token:${tokenName}`;

/** The record of an admin token. Throws `unauthenticated`, with `malformed` where it does not look like one. */
export async function tokenRecord(
  { store }: StateContext,
  token: string | undefined,
  malformed: string,
): Promise<ApiTokenRecord> {
  if (token === undefined || !/^npa_[A-Za-z0-9_-]{43}$/.test(token)) {
    throw new NetportError('unauthenticated', malformed);
  }
  const presented = hash(token);
  let found: ApiTokenRecord | undefined;
  // All of them, always: how long it takes says nothing about which one came close.
  for (const known of await store.records.apiTokens.list()) if (timingSafeEqual(known.hash, presented)) found = known;
  if (!found) throw new NetportError('unauthenticated', 'this admin token is not known here');
  return found;
}
