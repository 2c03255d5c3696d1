import { createHash, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto';
import { NetportError } from '@netport/protocol';
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
  { store }: StateContext,
  authorization: string | undefined,
  origin: string | null,
): Promise<Actor> {
  const [, token] = /^Bearer +(npa_[A-Za-z0-9_-]{43})$/i.exec(authorization ?? '') ?? [];
  if (token === undefined) {
    const what = authorization === undefined ? 'no token was sent' : 'this is no admin token (npa_…)';
    throw new NetportError('unauthenticated', what);
  }
  const presented = hash(token);
  let name: string | undefined;
  // All of them, always: how long it takes says nothing about which one came close.
  for (const known of await store.records.apiTokens.list())
    if (timingSafeEqual(known.hash, presented)) name = known.name;
  if (name === undefined) throw new NetportError('unauthenticated', 'this admin token is not known here');
  return { name: `token:${name}`, origin };
}
