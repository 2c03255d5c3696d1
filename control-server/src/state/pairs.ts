import { randomUUID } from 'node:crypto';
import {
  type AddPair,
  formatEndpoint,
  limits,
  listenerKey,
  NetportError,
  type PairId,
  type PairView,
} from '@netport/protocol';
import { inForce } from '../policy/permits.js';
import type { PairRecord, Records } from '../store/store.js';
import { audit } from './audit.js';
import { noChange, type Outcome, policyChange } from './change.js';
import { type Actor, controlId, type StateContext } from './context.js';
import { existing } from './members.js';
import type { Presence } from './presence.js';
import { pairView } from './views.js';

/** Grants an access pair. Throws `invalid_request`, `not_found` (a portal) or `already_exists` (the name, or the listener). */
export async function addPair(
  context: StateContext,
  presence: Presence,
  actor: Actor,
  request: AddPair,
): Promise<Outcome<PairView>> {
  const now = context.now();
  const pair = newPair(request, actor, now);
  await context.store.transaction(async (records) => {
    const from = await existing(records, 'portal', pair.from.portal);
    const to = await existing(records, 'portal', pair.to.portal);
    const other = await records.pairs.findListener(from.id, listenerKey({ ...pair.from, protocol: pair.protocol }));
    if (other) {
      throw new NetportError(
        'already_exists',
        `the access pair ${other.name} listens on ${formatEndpoint(pair.from)} (${pair.protocol}) at ${from.name} already`,
      );
    }
    for (const portal of [from, to]) {
      if ((await records.pairs.countOf(portal.id)) < limits.pairsPerPortal) continue;
      throw new NetportError(
        'limit_exceeded',
        `${portal.name} has ${limits.pairsPerPortal} access pairs, as many as it may`,
      );
    }
    await records.pairs.add(pair, from.id, to.id);
    await records.bump('policy');
    await audit(context, records, actor, { action: 'pair.add', subject: pair.name, detail: describe(pair) });
  });
  return { value: pairView(pair, presence, now), change: policyChange };
}

function newPair(request: AddPair, actor: Actor, now: Date): PairRecord {
  const expiresAt = request.expiresAt === undefined ? null : new Date(request.expiresAt);
  if (expiresAt && expiresAt <= now) {
    throw new NetportError('invalid_request', `expiresAt ${request.expiresAt} is in the past`);
  }
  if (request.from.portal === request.to.portal) {
    throw new NetportError('invalid_request', 'from.portal and to.portal are the same: a pair joins two portals');
  }
  return {
    id: randomUUID() as PairId,
    name: request.name,
    protocol: request.protocol,
    from: endpoint(request.from),
    to: endpoint(request.to),
    transport: request.transport,
    enabled: request.enabled,
    expiresAt,
    createdAt: now,
    owner: actor.name,
    reason: '',
    revision: 1,
    grant: null,
    schedule: null,
  };
}

const endpoint = ({ portal, address, port }: AddPair['from']): PairRecord['from'] => ({
  portal,
  address,
  ...(port !== undefined && { port }),
});

const describe = ({ id, protocol, from, to, transport, enabled, expiresAt }: PairRecord): Record<string, unknown> => ({
  id,
  protocol,
  from: `${from.portal}:${formatEndpoint(from)}`,
  to: `${to.portal}:${formatEndpoint(to)}`,
  transport,
  enabled,
  ...(expiresAt && { expiresAt: expiresAt.toISOString() }),
});

/** Enables or disables an access pair. Throws `not_found`. */
export async function changePair(
  context: StateContext,
  presence: Presence,
  actor: Actor,
  name: string,
  enabled: boolean,
): Promise<Outcome<PairView>> {
  const now = context.now();
  const { pair, changed } = await context.store.transaction(async (records) => {
    const found = await existingPair(records, name);
    const differs = found.enabled !== enabled;
    if (differs) {
      await records.pairs.enable(found.id, enabled);
      await records.bump('policy');
      await audit(context, records, actor, { action: enabled ? 'pair.enable' : 'pair.disable', subject: found.name });
    }
    return { pair: { ...found, enabled }, changed: differs };
  });
  return { value: pairView(pair, presence, now), change: changed ? policyChange : noChange };
}

/** Withdraws an access pair. Throws `not_found`. */
export async function removePair(
  context: StateContext,
  actor: Actor,
  name: string,
): Promise<Outcome<Record<string, never>>> {
  await context.store.transaction(async (records) => {
    const pair = await existingPair(records, name);
    await records.pairs.remove(pair.id);
    await records.bump('policy');
    await audit(context, records, actor, { action: 'pair.remove', subject: pair.name, detail: describe(pair) });
  });
  return { value: {}, change: policyChange };
}

/** Notes the pairs that expired after `since`, up to now: their portals need a new policy document. */
export async function expirePairs(context: StateContext, since: Date): Promise<Outcome<number>> {
  const now = context.now();
  const expired = await context.store.transaction(async (records) => {
    const gone = (await records.pairs.list()).filter((pair) => inForce(pair, since) && !inForce(pair, now));
    for (const { name } of gone) {
      const actor = { name: controlId(context.trustDomain), origin: null };
      await audit(context, records, actor, { action: 'pair.expire', subject: name, code: 'pair_expired' });
    }
    if (gone.length > 0) await records.bump('policy');
    return gone.length;
  });
  return { value: expired, change: expired > 0 ? policyChange : noChange };
}

export async function listPairs(context: StateContext, presence: Presence): Promise<{ items: PairView[] }> {
  const pairs = await context.store.records.pairs.list();
  return { items: pairs.map((pair) => pairView(pair, presence, context.now())) };
}

/** Throws `not_found`. */
export async function showPair(context: StateContext, presence: Presence, name: string): Promise<PairView> {
  return pairView(await existingPair(context.store.records, name), presence, context.now());
}

async function existingPair(records: Records, name: string): Promise<PairRecord> {
  const pair = await records.pairs.find(name);
  if (!pair) throw new NetportError('not_found', `no access pair is named "${name}"`);
  return pair;
}
