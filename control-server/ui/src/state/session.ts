import { type AnswerOf, endpoints, NetportError } from '@netport/protocol';
import { signal } from '@preact/signals';
import { call } from '../api/client.js';

type Session = AnswerOf<typeof endpoints.whoami>;

/** Who is signed in: undefined until the server said so, null for nobody. */
export const session = signal<Session | null | undefined>(undefined);

/** Asks who this browser is. */
export async function loadSession(): Promise<void> {
  try {
    session.value = await call(endpoints.whoami, {});
  } catch (thrown) {
    if (!isSignedOut(thrown)) throw thrown;
    session.value = null;
  }
}

export async function signIn(token: string): Promise<void> {
  await call(endpoints.session.add, { body: { token: token.trim() } });
  await loadSession();
}

export async function signOut(): Promise<void> {
  await call(endpoints.session.remove, {}).catch(noticeSignedOut);
  session.value = null;
}

const isSignedOut = (thrown: unknown): boolean => thrown instanceof NetportError && thrown.code === 'unauthenticated';

/** A session that ended leads back to the sign-in form; everything else is thrown on. */
export function noticeSignedOut(thrown: unknown): void {
  if (!isSignedOut(thrown)) throw thrown;
  session.value = null;
}
