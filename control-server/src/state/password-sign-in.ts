import { limits, NetportError } from '@netport/protocol';
import type { LocalAdminRecord } from '../store/store.js';
import { type OpenedSession, openSession, sessionHash } from './admin-sessions.js';
import { audit } from './audit.js';
import type { Actor, StateContext } from './context.js';
import { localAdminActor } from './local-admins.js';
import { LockOut } from './lock-out.js';
import type { Passwords } from './passwords.js';

/** Signing in with a password: who guesses waits longer and longer, and learns of no name whether it is known. */
export class PasswordSignIn {
  readonly #context: StateContext;
  readonly #passwords: Passwords;
  readonly #names = new LockOut(limits.passwordTries);
  readonly #sources = new LockOut(limits.passwordTriesOfSource);

  constructor(context: StateContext, passwords: Passwords) {
    this.#context = context;
    this.#passwords = passwords;
  }

  /** Throws `unauthenticated`, or `rate_limited` with how long to wait. */
  async signIn(
    { origin, source }: { origin: string | null; source: string },
    name: string,
    password: string,
  ): Promise<OpenedSession> {
    const admin = await this.#prove(source, name, password);
    if (!admin) throw new NetportError('unauthenticated', 'wrong name or password');
    const { id, role } = admin;
    await this.#context.store.records.localAdmins.update(id, { lastSignInAt: this.#context.now() });
    return openSession(this.#context, { name: localAdminActor(name), origin, role }, { adminId: id });
  }

  /** Changes the password of who asks and ends his sessions but for this one. Throws `invalid_request` or `rate_limited`. */
  async change(
    actor: Actor,
    { source, secret }: { source: string; secret: string | undefined },
    { current, next }: { current: string; next: string },
  ): Promise<void> {
    const [, name] = /^admin:(.+)$/.exec(actor.name) ?? [];
    if (name === undefined) {
      throw new NetportError('invalid_request', `${actor.name} has no password here: only local admins do`);
    }
    const admin = await this.#prove(source, name, current);
    if (!admin) {
      const message = 'this is not the present password';
      throw new NetportError('invalid_request', message, { fields: [{ path: 'current', message }] });
    }
    const passwordHash = await this.#passwords.hash(next);
    await this.#context.store.transaction(async (records) => {
      await records.localAdmins.update(admin.id, { passwordHash });
      await records.adminSessions.removeOf(actor.name, secret && sessionHash(secret));
      await audit(this.#context, records, actor, { action: 'local-admin.password', subject: name });
    });
  }

  /** Whose password it is, if anybody's. */
  async #prove(source: string, name: string, password: string): Promise<LocalAdminRecord | undefined> {
    const now = this.#context.now().getTime();
    const wait = this.#sources.take(source, now) || this.#names.take(name, now);
    if (wait > 0) {
      const seconds = Math.ceil(wait / 1000);
      throw new NetportError('rate_limited', `too many wrong passwords: wait ${seconds} s, then try again`);
    }
    const admin = await this.#context.store.records.localAdmins.find(name);
    if (!(await this.#passwords.verify(password, admin?.passwordHash))) return undefined;
    this.#names.right(name);
    // Not all of them: who knows one password must not get more guesses at the others.
    this.#sources.forgive(source, now);
    return admin;
  }
}
