import { randomUUID } from 'node:crypto';
import {
  type AddPair,
  addPairSchema,
  type ChangePair,
  formatEndpoint,
  formatSchedule,
  limits,
  NetportError,
  type Page,
  type PairId,
  type PairView,
  type SearchQuery,
} from '@netport/protocol';
import { inForce } from '../policy/permits.js';
import { beyondOwner } from '../policy/roles.js';
import { invalidFields, notFound } from '../problem.js';
import type { PairRecord, Records } from '../store/store.js';
import { audit } from './audit.js';
import { noChange, type Outcome, pairChange, policyChange } from './change.js';
import { type Actor, controlId, type Principal, type StateContext } from './context.js';
import { refuseDerived } from './grants.js';
import { existing } from './members.js';
import { nameAfter, nameKey, pageFrom } from './paging.js';
import { findConflicts, refuseConflicts } from './pair-conflicts.js';
import type { Presence } from './presence.js';
import { pairView } from './views.js';

/** Grants an access pair. Throws `invalid_request`, `not_found` (a portal), `already_exists` (the name, or the listener) or `limit_exceeded`. */
export async function addPair(
  context: StateContext,
  presence: Presence,
  actor: Actor,
  request: AddPair,
): Promise<Outcome<PairView>> {
  const now = context.now();
  const pair: PairRecord = {
    ...request,
    id: randomUUID() as PairId,
    from: endpoint(request.from),
    to: endpoint(request.to),
    owner: request.owner ?? actor.name,
    expiresAt: request.expiresAt === undefined ? null : new Date(request.expiresAt),
    createdAt: now,
    revision: 1,
    grant: null,
    schedule: request.schedule ?? null,
  };
  const version = await context.store.transaction(async (records) => {
    refuseConflicts(await findConflicts(records, request, now));
    const { fromId, toId } = await portalIds(records, pair);
    await records.pairs.add(pair, fromId, toId);
    await audit(context, records, actor, { action: 'pair.add', subject: pair.name, after: describe(pair) });
    return records.bump('policy');
  });
  return { value: pairView(pair, presence, now), change: pairChange({ name: pair.name, version }) };
}

async function portalIds(records: Records, { from, to }: PairRecord): Promise<{ fromId: string; toId: string }> {
  const [fromPortal, toPortal] = [
    await existing(records, 'portal', from.portal),
    await existing(records, 'portal', to.portal),
  ];
  return { fromId: fromPortal.id, toId: toPortal.id };
}

const endpoint = ({ portal, address, port }: AddPair['from']): PairRecord['from'] => ({
  portal,
  address,
  ...(port !== undefined && { port }),
});

/** What the audit trail says of a pair. */
const describe = (pair: PairRecord): Record<string, unknown> => ({
  id: pair.id,
  protocol: pair.protocol,
  from: `${pair.from.portal}:${formatEndpoint(pair.from)}`,
  to: `${pair.to.portal}:${formatEndpoint(pair.to)}`,
  transport: pair.transport,
  enabled: pair.enabled,
  owner: pair.owner,
  ...(pair.reason !== '' && { reason: pair.reason }),
  ...(pair.expiresAt && { expiresAt: pair.expiresAt.toISOString() }),
  ...(pair.schedule && { schedule: formatSchedule(pair.schedule) }),
});

/**
 * Changes an access pair; with `revision`, only if it is still the one that was read. Throws `forbidden`,
 * `conflict`, `not_found` and what `addPair` throws.
 */
export async function changePair(
  context: StateContext,
  presence: Presence,
  actor: Principal,
  name: string,
  request: ChangePair,
  revision?: number,
): Promise<Outcome<PairView>> {
  const now = context.now();
  const { pair, version } = await context.store.transaction(async (records) => {
    const before = await existingPair(records, name);
    refuseDerived(before);
    if (revision !== undefined && revision !== before.revision) {
      const message = `the access pair ${name} was changed meanwhile: it has revision ${before.revision}, not ${revision}`;
      throw new NetportError('conflict', message);
    }
    const after = changed(before, request);
    const fields = differingFields(describe(before), describe(after));
    if (fields.length === 0) return { pair: before, version: undefined };
    refuseBeyondOwner(actor, fields);
    refuseConflicts(await findConflicts(records, draftOf(after), now, before));
    const { fromId, toId } = await portalIds(records, after);
    await records.pairs.update(after, fromId, toId);
    const isPolicy = fields.some((field) => field !== 'owner' && field !== 'reason');
    await audit(context, records, actor, {
      action: actionOf(request),
      subject: after.name,
      before: pick(describe(before), fields),
      after: pick(describe(after), fields),
    });
    return { pair: after, version: isPolicy ? await records.bump('policy') : undefined };
  });
  const change = version === undefined ? noChange : pairChange({ name: pair.name, version });
  return { value: pairView(pair, presence, now), change };
}

/** Throws `forbidden`, naming the fields. */
function refuseBeyondOwner({ role }: Principal, differing: readonly string[]): void {
  const beyond = beyondOwner(role, differing);
  if (beyond.length === 0) return;
  const message = 'where an access pair leads takes the role operator: its owner changes the rest';
  throw new NetportError('forbidden', message, { fields: beyond.map((path) => ({ path, message })) });
}

/** Pure. Throws `invalid_request` where the fields do not go together any more. */
function changed(pair: PairRecord, change: ChangePair): PairRecord {
  const after: PairRecord = {
    ...pair,
    protocol: change.protocol ?? pair.protocol,
    from: change.from ? endpoint(change.from) : pair.from,
    to: change.to ? endpoint(change.to) : pair.to,
    transport: change.transport ?? pair.transport,
    enabled: change.enabled ?? pair.enabled,
    owner: change.owner ?? pair.owner,
    reason: change.reason ?? pair.reason,
    ...(change.expiresAt !== undefined && { expiresAt: change.expiresAt ? new Date(change.expiresAt) : null }),
    ...(change.schedule !== undefined && { schedule: change.schedule }),
    revision: pair.revision + 1,
  };
  const result = addPairSchema.safeParse(draftOf(after));
  if (!result.success) throw invalidFields(result.error);
  return after;
}

/** The pair as somebody would ask for it. */
const draftOf = ({ name, protocol, from, to, expiresAt }: PairRecord) => ({
  name,
  protocol,
  from,
  to,
  ...(expiresAt && { expiresAt: expiresAt.toISOString() }),
});

const differingFields = (before: Record<string, unknown>, after: Record<string, unknown>): string[] =>
  Object.keys({ ...before, ...after }).filter((field) => before[field] !== after[field]);

/** What is not set is null. */
const pick = (pair: Record<string, unknown>, fields: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(fields.map((field) => [field, pair[field] ?? null]));

function actionOf(change: ChangePair): string {
  if (change.enabled === undefined || Object.keys(change).length > 1) return 'pair.change';
  return change.enabled ? 'pair.enable' : 'pair.disable';
}

/** Withdraws an access pair. Throws `not_found`. */
export async function removePair(
  context: StateContext,
  actor: Actor,
  name: string,
): Promise<Outcome<Record<string, never>>> {
  const edit = await context.store.transaction(async (records) => {
    const pair = await existingPair(records, name);
    refuseDerived(pair);
    await records.pairs.remove(pair.id);
    await audit(context, records, actor, { action: 'pair.remove', subject: pair.name, before: describe(pair) });
    return { name: pair.name, version: await records.bump('policy') };
  });
  return { value: {}, change: pairChange(edit) };
}

/**
 * Notes the pairs that expired after `since`, up to now, or that began or ended by their schedules: their portals need a
 * new policy document.
 */
export async function turnPairs(context: StateContext, since: Date): Promise<Outcome<number>> {
  const now = context.now();
  const actor = { name: controlId(context.trustDomain), origin: null };
  const count = await context.store.transaction(async (records) => {
    const pairs = await records.pairs.list();
    const turned = pairs.filter((pair) => inForce(pair, since) !== inForce(pair, now));
    const expired = new Set(turned.filter(({ expiresAt }) => expiresAt && expiresAt <= now));
    for (const { name } of expired) {
      await audit(context, records, actor, { action: 'pair.expire', subject: name, code: 'pair_expired' });
    }
    const scheduled = turned.filter((pair) => !expired.has(pair));
    // Thousands of pairs may share a schedule: one event tells of all.
    for (const begins of [true, false]) {
      const names = scheduled.filter((pair) => inForce(pair, now) === begins).map(({ name }) => name);
      if (names.length === 0) continue;
      const detail = { pairs: names.slice(0, limits.auditNames), count: names.length };
      await audit(context, records, actor, {
        action: begins ? 'pair.begin' : 'pair.end',
        subject: null,
        detail,
      });
    }
    if (turned.length > 0) await records.bump('policy');
    return turned.length;
  });
  return { value: count, change: count > 0 ? policyChange : noChange };
}

/** Throws `invalid_request` for a wrong cursor. */
export async function listPairs(
  context: StateContext,
  presence: Presence,
  query: SearchQuery,
): Promise<Page<PairView> & { total: number }> {
  const { pairs } = context.store.records;
  const { q, limit } = query;
  const page = pageFrom(await pairs.list({ q, after: nameAfter(query), limit: limit + 1 }), limit, nameKey);
  const items = page.items.map((pair) => pairView(pair, presence, context.now()));
  return { ...page, items, total: await pairs.count(q) };
}

/** Throws `not_found`. */
export async function showPair(context: StateContext, presence: Presence, name: string): Promise<PairView> {
  return pairView(await existingPair(context.store.records, name), presence, context.now());
}

/** Whether this is who answers for the access pair; of one that is not there, nobody is. */
export async function ownsPair(context: StateContext, actor: Actor, name: string): Promise<boolean> {
  return (await context.store.records.pairs.find(name))?.owner === actor.name;
}

async function existingPair(records: Records, name: string): Promise<PairRecord> {
  const pair = await records.pairs.find(name);
  if (!pair) throw notFound('name', `no access pair is named "${name}"`);
  return pair;
}
