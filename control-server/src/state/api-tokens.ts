import { randomUUID } from 'node:crypto';
import {
  type AddApiToken,
  type ApiTokenView,
  limits,
  NetportError,
  type NewApiToken,
  type Page,
  type PageQuery,
} from '@netport/protocol';
import { notFound } from '../problem.js';
import type { ApiTokenRecord } from '../store/store.js';
import { firstToken, hashToken, makeAdminToken } from './admin.js';
import { audit } from './audit.js';
import { type Outcome, unchanged } from './change.js';
import type { Actor, Principal, StateContext } from './context.js';
import { refuseBeyondGiver } from './giving.js';
import { pageOfLive } from './paging.js';

/** Makes an API token; its text exists only in this answer. Throws `forbidden`, `already_exists` or `limit_exceeded`. */
export async function addApiToken(
  context: StateContext,
  actor: Principal,
  { name, role, scopes: wanted, lifetimeSeconds = limits.apiTokenLifetime / 1000 }: AddApiToken,
): Promise<Outcome<NewApiToken>> {
  const scopes = wanted ? [...new Set(wanted)] : null;
  refuseBeyondGiver(actor, { role, scopes });
  const token = makeAdminToken();
  const createdAt = context.now();
  const expiresAt = new Date(createdAt.getTime() + lifetimeSeconds * 1000);
  await context.store.transaction(async (records) => {
    if ((await records.apiTokens.list()).length >= limits.apiTokens) {
      throw new NetportError('limit_exceeded', `there are ${limits.apiTokens} API tokens: remove those that expired`);
    }
    const kept = { name, role, scopes, createdAt, expiresAt, lastUsedAt: null };
    await records.apiTokens.add({ ...kept, id: randomUUID(), hash: hashToken(token) });
    const detail = { role, ...(scopes && { scopes }), expiresAt: expiresAt.toISOString() };
    await audit(context, records, actor, { action: 'api-token.add', subject: name, detail });
  });
  return unchanged({ name, role, scopes, token, expiresAt: expiresAt.toISOString() });
}

/** API tokens by name, expired ones too. Throws `invalid_request` for a wrong cursor. */
export async function listApiTokens(context: StateContext, query: PageQuery): Promise<Page<ApiTokenView>> {
  const tokens = await context.store.records.apiTokens.list();
  return pageOfLive(tokens.map(view), query, ({ name }) => name);
}

const view = ({ name, role, scopes, createdAt, expiresAt, lastUsedAt }: ApiTokenRecord): ApiTokenView => ({
  name,
  role,
  scopes: scopes && [...scopes],
  createdAt: createdAt.toISOString(),
  expiresAt: expiresAt?.toISOString() ?? null,
  lastUsedAt: lastUsedAt?.toISOString() ?? null,
});

/** Removes an API token with its sessions. Throws `not_found`. */
export async function removeApiToken(
  context: StateContext,
  actor: Actor,
  name: string,
): Promise<Outcome<Record<string, never>>> {
  if (name === firstToken) {
    const message =
      'this token is the file admin-token of the data directory: delete the file and start the server again';
    throw new NetportError('invalid_request', message);
  }
  await context.store.transaction(async (records) => {
    if (!(await records.apiTokens.remove(name))) throw notFound('name', `no API token is named "${name}"`);
    await audit(context, records, actor, { action: 'api-token.remove', subject: name });
  });
  return unchanged({});
}
