import { createHash, randomBytes } from 'node:crypto';
import { limits, NetportError, type Role, type SessionView } from '@netport/protocol';
import type { SessionHolder } from '../store/store.js';
import { actorName, tokenRecord } from './admin.js';
import { audit, auditEvent } from './audit.js';
import type { Actor, Principal, StateContext } from './context.js';

/** 256 random bits: a plain hash is all that has to be kept. */
export const sessionHash = (secret: string): string => createHash('sha256').update(secret).digest('hex');

const unseenSince = (now: Date): Date => new Date(now.getTime() - limits.adminSessionIdle);

/** A session that was opened; `secret` goes into the cookie and nowhere else. */
export type OpenedSession = SessionView & { secret: string };

/** Opens a session for who has an API token. Throws `unauthenticated`. */
export async function signInWithToken(
  context: StateContext,
  origin: string | null,
  token: string,
): Promise<OpenedSession> {
  const { id, name, role } = await tokenRecord(context, token, 'this is no API token (npa_…)');
  return openSession(context, { name: actorName(name), origin, role }, { tokenId: id });
}

/** Opens a session for somebody who has shown who he is. */
export async function openSession(
  context: StateContext,
  { name, origin, role }: Actor & { role: Role },
  holder: SessionHolder,
): Promise<OpenedSession> {
  const secret = randomBytes(32).toString('base64url');
  const now = context.now();
  const expiresAt = new Date(now.getTime() + limits.adminSessionLifetime);
  await context.store.transaction(async (records) => {
    await records.adminSessions.removeEnded(now, unseenSince(now));
    const session = { hash: sessionHash(secret), actor: name, createdAt: now, seenAt: now, expiresAt };
    await records.adminSessions.add({ ...session, holder });
    await audit(context, records, { name, origin }, { action: 'admin.sign-in', subject: name, detail: { role } });
  });
  return { actor: name, role, expiresAt: expiresAt.toISOString(), secret };
}

/** Ends a session; one that has ended already is no error. */
export async function signOut(context: StateContext, actor: Actor, secret: string): Promise<void> {
  await context.store.records.adminSessions.remove(sessionHash(secret));
  await auditEvent(context, actor, { action: 'admin.sign-out', subject: null });
}

/** Ends every session of whoever asks: on each machine that he forgot, too. */
export async function signOutEverywhere(context: StateContext, actor: Actor): Promise<void> {
  await context.store.transaction(async (records) => {
    const sessions = await records.adminSessions.removeOf(actor.name);
    await audit(context, records, actor, { action: 'admin.sign-out', subject: null, detail: { sessions } });
  });
}

/** Whose session this is; `use` keeps it from going idle. Throws `unauthenticated`. */
export async function sessionPrincipal(
  context: StateContext,
  secret: string,
  origin: string | null,
  use: boolean,
): Promise<Principal> {
  const { adminSessions } = context.store.records;
  const now = context.now();
  const session = await adminSessions.find(sessionHash(secret));
  if (!session || session.expiresAt <= now || session.seenAt <= unseenSince(now)) {
    throw new NetportError('unauthenticated', 'this session has ended: sign in again');
  }
  if (use && now.getTime() - session.seenAt.getTime() >= limits.adminSessionSeen) {
    await adminSessions.seen(session.hash, now);
  }
  return { name: session.actor, origin, role: session.role, scopes: session.scopes };
}
