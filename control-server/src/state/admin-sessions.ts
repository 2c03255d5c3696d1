import { createHash, randomBytes } from 'node:crypto';
import { limits, NetportError, type SessionView } from '@netport/protocol';
import { actorName, tokenRecord } from './admin.js';
import { audit, auditEvent } from './audit.js';
import type { Actor, StateContext } from './context.js';

/** 256 random bits: a plain hash is all that has to be kept. */
const hash = (secret: string): string => createHash('sha256').update(secret).digest('hex');

const unseenSince = (now: Date): Date => new Date(now.getTime() - limits.adminSessionIdle);

/** Opens a session for who has an admin token; `secret` goes into the cookie and nowhere else. Throws `unauthenticated`. */
export async function signIn(
  context: StateContext,
  origin: string | null,
  token: string,
): Promise<SessionView & { secret: string }> {
  const { id, name } = await tokenRecord(context, token, 'this is no admin token (npa_…)');
  const secret = randomBytes(32).toString('base64url');
  const now = context.now();
  const expiresAt = new Date(now.getTime() + limits.adminSessionLifetime);
  const actor = { name: actorName(name), origin };
  await context.store.transaction(async (records) => {
    await records.adminSessions.removeEnded(now, unseenSince(now));
    await records.adminSessions.add({ hash: hash(secret), tokenId: id, createdAt: now, seenAt: now, expiresAt });
    await audit(context, records, actor, { action: 'admin.sign-in', subject: name });
  });
  return { actor: actor.name, expiresAt: expiresAt.toISOString(), secret };
}

/** Ends a session; one that has ended already is no error. */
export async function signOut(context: StateContext, actor: Actor, secret: string): Promise<void> {
  await context.store.records.adminSessions.remove(hash(secret));
  await auditEvent(context, actor, { action: 'admin.sign-out', subject: null });
}

/** Whose session this is; `use` keeps it from going idle. Throws `unauthenticated`. */
export async function sessionActor(
  context: StateContext,
  secret: string,
  origin: string | null,
  use: boolean,
): Promise<Actor> {
  const { adminSessions } = context.store.records;
  const now = context.now();
  const session = await adminSessions.find(hash(secret));
  if (!session || session.expiresAt <= now || session.seenAt <= unseenSince(now)) {
    throw new NetportError('unauthenticated', 'this session has ended: sign in again');
  }
  if (use && now.getTime() - session.seenAt.getTime() >= limits.adminSessionSeen) {
    await adminSessions.seen(session.hash, now);
  }
  return { name: actorName(session.name), origin };
}
