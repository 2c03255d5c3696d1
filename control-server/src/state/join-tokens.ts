import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { encodeJoinToken, limits, type NewToken, type TokenView } from '@netport/protocol';
import { notFound } from '../problem.js';
import type { JoinTokenRecord, Member, Records } from '../store/store.js';
import { audit } from './audit.js';
import { type Outcome, unchanged } from './change.js';
import type { Actor, StateContext } from './context.js';

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

/** The newest join tokens, used and expired ones too. */
export async function listTokens(context: StateContext): Promise<{ items: TokenView[] }> {
  const now = context.now();
  const tokens = await context.store.records.joinTokens.list(limits.apiPageSize);
  return { items: tokens.map((token) => tokenView(token, now)) };
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
