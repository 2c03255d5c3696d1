import { randomUUID } from 'node:crypto';
import {
  type AddLocalAdmin,
  type ChangeLocalAdmin,
  type KeptLocalAdmin,
  type LocalAdminView,
  limits,
  NetportError,
  type Page,
  type PageQuery,
} from '@netport/protocol';
import { notFound } from '../problem.js';
import type { LocalAdminRecord, Records } from '../store/store.js';
import { audit } from './audit.js';
import { type Outcome, unchanged } from './change.js';
import type { Actor, Principal, StateContext } from './context.js';
import { refuseBeyondGiver } from './giving.js';
import { pageOfLive } from './paging.js';
import { makePassword, type Passwords } from './passwords.js';

/** A local admin as an actor. */
export const localAdminActor = (name: string): string => `admin:${name}`;

/** Adds a local admin. Throws `forbidden`, `already_exists` or `limit_exceeded`. */
export async function addLocalAdmin(
  context: StateContext,
  passwords: Passwords,
  actor: Principal,
  { name, role, password }: AddLocalAdmin,
): Promise<Outcome<KeptLocalAdmin>> {
  refuseBeyondGiver(actor, { role, scopes: null });
  const made = password === undefined ? makePassword() : undefined;
  const passwordHash = await passwords.hash(password ?? made ?? '');
  const admin = { id: randomUUID(), name, role, passwordHash, createdAt: context.now(), lastSignInAt: null };
  await context.store.transaction(async (records) => {
    if ((await records.localAdmins.list()).length >= limits.localAdmins) {
      throw new NetportError('limit_exceeded', `there are ${limits.localAdmins} local admins: use OpenID Connect`);
    }
    await records.localAdmins.add(admin);
    await audit(context, records, actor, { action: 'local-admin.add', subject: name, detail: { role } });
  });
  return unchanged({ ...view(admin), ...(made !== undefined && { password: made }) });
}

/** Local admins by name. Throws `invalid_request` for a wrong cursor. */
export async function listLocalAdmins(context: StateContext, query: PageQuery): Promise<Page<LocalAdminView>> {
  const admins = await context.store.records.localAdmins.list();
  return pageOfLive(admins.map(view), query, ({ name }) => name);
}

const view = ({ name, role, createdAt, lastSignInAt }: LocalAdminRecord): LocalAdminView => ({
  name,
  role,
  createdAt: createdAt.toISOString(),
  lastSignInAt: lastSignInAt?.toISOString() ?? null,
});

/** Another role holds at once, in open sessions too; another password ends them. Throws `not_found` or `forbidden`. */
export async function changeLocalAdmin(
  context: StateContext,
  passwords: Passwords,
  actor: Principal,
  name: string,
  { role, password }: ChangeLocalAdmin,
): Promise<Outcome<KeptLocalAdmin>> {
  const made = password === null ? makePassword() : undefined;
  const wanted = password ?? made;
  const passwordHash = wanted === undefined ? undefined : await passwords.hash(wanted);
  const after = await context.store.transaction(async (records) => {
    const before = await existingAdmin(records, name);
    refuseBeyondGiver(actor, { role: role ?? before.role, scopes: null });
    const change = { ...(role !== undefined && { role }), ...(passwordHash !== undefined && { passwordHash }) };
    await records.localAdmins.update(before.id, change);
    if (passwordHash !== undefined) await records.adminSessions.removeOf(localAdminActor(name));
    const detail = {
      ...(role !== undefined && { role: { before: before.role, after: role } }),
      ...(passwordHash !== undefined && { password: 'changed' }),
    };
    await audit(context, records, actor, { action: 'local-admin.change', subject: name, detail });
    return { ...before, ...change };
  });
  return unchanged({ ...view(after), ...(made !== undefined && { password: made }) });
}

/** Removes a local admin with his sessions. Throws `not_found`. */
export async function removeLocalAdmin(
  context: StateContext,
  actor: Actor,
  name: string,
): Promise<Outcome<Record<string, never>>> {
  await context.store.transaction(async (records) => {
    const { id } = await existingAdmin(records, name);
    await records.localAdmins.remove(id);
    await audit(context, records, actor, { action: 'local-admin.remove', subject: name });
  });
  return unchanged({});
}

async function existingAdmin(records: Records, name: string): Promise<LocalAdminRecord> {
  const admin = await records.localAdmins.find(name);
  if (!admin) throw notFound('name', `no local admin is named "${name}"`);
  return admin;
}
