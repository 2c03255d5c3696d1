import { type AnswerOf, type BodyOf, endpoints, NetportError } from '@netport/protocol';
import { signal } from '@preact/signals';
import { call } from '../api/client.js';

type Session = AnswerOf<typeof endpoints.whoami>;

/** Who is signed in: undefined until the server said so, null for nobody. */
export const session = signal<Session | null | undefined>(undefined);

/** Whether who is signed in may use this endpoint, such as `pair.add`; for a thing of this owner, where it has one. */
export function may(endpoint: string, owner?: string): boolean {
  const who = session.value;
  if (!who) return false;
  return who.may.includes(endpoint) || (owner === who.actor && who.mayOwn.includes(endpoint));
}

/** Asks who this browser is. */
export async function loadSession(): Promise<void> {
  try {
    session.value = await call(endpoints.whoami, {});
  } catch (thrown) {
    if (!isSignedOut(thrown)) throw thrown;
    session.value = null;
  }
}

export async function signIn(body: BodyOf<typeof endpoints.session.add>): Promise<void> {
  await call(endpoints.session.add, { body });
  await loadSession();
}

export async function signOut(): Promise<void> {
  await call(endpoints.session.remove, {}).catch(noticeSignedOut);
  session.value = null;
}

/** Ends every session of who is signed in, this one too. */
export async function signOutEverywhere(): Promise<void> {
  await call(endpoints.session.removeAll, {}).catch(noticeSignedOut);
  session.value = null;
}

const isSignedOut = (thrown: unknown): boolean => thrown instanceof NetportError && thrown.code === 'unauthenticated';

/** A session that ended leads back to the sign-in form; everything else is thrown on. */
export function noticeSignedOut(thrown: unknown): void {
  if (!isSignedOut(thrown)) throw thrown;
  session.value = null;
}
