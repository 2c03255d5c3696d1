import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { encodeJoinToken, type NewToken, type Page, type PageQuery, type TokenView } from '@netport/protocol';
import { notFound } from '../problem.js';
import type { JoinTokenRecord, Member, Records } from '../store/store.js';
import { audit } from './audit.js';
import { type Outcome, unchanged } from './change.js';
import type { Actor, StateContext } from './context.js';
import { pageFrom, timeAfter, timeKey } from './paging.js';

/** A plain hash is enough: the secret has 256 random bits, so there is nothing to guess or to look up. */
export const hashSecret = (secret: string): Buffer => createHash('sha256').update(secret).digest();

/** Makes and keeps a join token; `lifetime` in milliseconds. Its text exists only in this answer. */
export async function makeJoinToken(
  context: StateContext,
  records: Records,
  member: Member,
  lifetime: number,
): Promise<NewToken> {
  const id = randomUUID();
  const secret = randomBytes(32).toString('base64url');
  const createdAt = context.now();
  const expiresAt = new Date(createdAt.getTime() + lifetime);
  await records.joinTokens.add({ id, memberId: member.id, secretHash: hashSecret(secret), createdAt, expiresAt });
  const { kind, name } = member;
  const token = encodeJoinToken({
    url: context.publicUrl,
    ca: context.authority.rootFingerprint,
    kind,
    name,
    id,
    secret,
  });
  return { name, token, expiresAt: expiresAt.toISOString() };
}

/** Join tokens, newest first, used and expired ones too. Throws `invalid_request` for a wrong cursor. */
export async function listTokens(context: StateContext, query: PageQuery): Promise<Page<TokenView>> {
  const now = context.now();
  const range = { after: timeAfter(query), limit: query.limit + 1 };
  const tokens = await context.store.records.joinTokens.list(range);
  const page = pageFrom(tokens, query.limit, ({ createdAt, id }) => timeKey(createdAt, id));
  return { ...page, items: page.items.map((token) => tokenView(token, now)) };
}

const tokenView = (token: JoinTokenRecord, now: Date): TokenView => ({
  id: token.id,
  kind: token.kind,
  name: token.name,
  state: token.usedAt ? 'used' : token.expiresAt <= now ? 'expired' : 'open',
  createdAt: token.createdAt.toISOString(),
  expiresAt: token.expiresAt.toISOString(),
  usedAt: token.usedAt?.toISOString() ?? null,
});

/** Withdraws a join token. Throws `not_found`. */
export async function removeToken(
  context: StateContext,
  actor: Actor,
  id: string,
): Promise<Outcome<Record<string, never>>> {
  await context.store.transaction(async (records) => {
    const token = await records.joinTokens.find(id);
    if (!token) throw notFound('id', `no join token has the id "${id}"`);
    await records.joinTokens.remove(id);
    await audit(context, records, actor, { action: 'token.remove', subject: token.name, detail: { id } });
  });
  return unchanged({});
}
