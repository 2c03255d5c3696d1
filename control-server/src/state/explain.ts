import {
  asNetportError,
  type ErrorCode,
  type EventExplanation,
  type ExplainQuestion,
  type Explanation,
  limits,
  type Name,
  NetportError,
  type PairId,
  type TunnelView,
} from '@netport/protocol';
import { explain } from '../policy/explain.js';
import { aboutOf, explainEvent, formerPair } from '../policy/explain-event.js';
import type { CertificateFacts, ExplainFacts, PortalFacts, Tried, TriedFacts } from '../policy/explain-facts.js';
import { type Destination, matchPair } from '../policy/explain-match.js';
import { readTrail, type TrailEvent } from '../policy/explain-trail.js';
import { inForce } from '../policy/permits.js';
import type { PairRecord } from '../store/store.js';
import { memberId, type StateContext } from './context.js';
import { existing } from './members.js';
import type { Inspection, Presence } from './presence.js';

export interface ExplainSources {
  context: StateContext;
  presence: Presence;
  inspection: Inspection;
}

/** Why a connection works, is denied or fails; with `probe`, its portals try it first. Throws `not_found`. */
export async function explainConnection(
  sources: ExplainSources,
  question: ExplainQuestion,
  { probe }: { probe: boolean },
): Promise<Explanation> {
  await existing(sources.context.store.records, 'portal', question.portal);
  return explain(await gather(sources, question, probe));
}

/** What an audit event was about, and how that is now. Throws `not_found`, or `invalid_request` where it is about no portal. */
export async function explainAuditEvent(sources: ExplainSources, id: number): Promise<EventExplanation> {
  const { audit, pairs } = sources.context.store.records;
  const [event] = await audit.list({ limit: 1, before: id + 1 });
  if (event?.id !== id) throw new NetportError('not_found', `no audit event has the id ${id}`);
  const removed = await audit.list({ action: 'pair.remove', limit: limits.explainEvents });
  const about = aboutOf(event, [...(await pairs.list()), ...removed.flatMap((one) => formerPair(one) ?? [])]);
  if (!about) throw new NetportError('invalid_request', `audit event ${id} (${event.action}) is about no portal`);
  const { pair, portal } = about;
  const destination = pair ? { ...pair.from, protocol: pair.protocol } : { portal, protocol: 'tcp' as const };
  const history = pair ? await historyOf(sources.context, pair.name, id) : [];
  return {
    ...explain(await gather(sources, destination, false)),
    event: explainEvent(event, pair, history),
  };
}

/** What was done to a pair: the last things before an event, and the last of all. */
async function historyOf({ store }: StateContext, pair: Name, id: number): Promise<TrailEvent[]> {
  const limit = limits.explainEvents;
  const [before, latest] = await Promise.all([
    store.records.audit.list({ subject: pair, limit, before: id }),
    store.records.audit.list({ subject: pair, limit }),
  ]);
  const all = new Map([...before, ...latest].map((event) => [event.id, event]));
  return [...all.values()].filter(({ action }) => action.startsWith('pair.'));
}

async function gather(sources: ExplainSources, destination: Destination, probe: boolean): Promise<ExplainFacts> {
  const { context, inspection } = sources;
  const { portal, address, port, protocol } = destination;
  const match = matchPair(await context.store.records.pairs.list(), destination, context.now());
  const { pair } = match;
  // First, so that what is read below is from after it.
  const tried = pair && probe && inForce(pair, context.now()) ? await tryPair(inspection, pair) : {};
  const ends = pair ? [portal, pair.to.portal] : [];
  const [listening, dialling, tunnels, streams, events] = await Promise.all([
    portalFacts(sources, portal, pair?.id),
    pair && portalFacts(sources, pair.to.portal),
    pair ? inspection.tunnels(ends) : [],
    pair ? inspection.streams(ends) : [],
    pair ? eventsOf(context, pair) : [],
  ]);
  const own = streams.filter((stream) => stream.pair === pair?.name).sort((a, b) => (a.since < b.since ? 1 : -1));
  return {
    at: context.now(),
    question: { portal, address: address ?? null, port: port ?? null, protocol },
    match,
    portal: listening,
    peer: dialling,
    relays: pair ? inspection.relaysBetween(portal, pair.to.portal) : [],
    tunnel: pair && tunnelFor(tunnels, pair),
    streams: {
      running: own.length,
      since: own[0] ? new Date(own[0].since) : null,
      target: own.find(({ target }) => target !== null)?.target ?? null,
    },
    trail: pair ? readTrail(events, pair) : { failures: [], success: null },
    tried,
  };
}

/** Between two portals may stand one tunnel over each transport; a pair that prefers TCP takes no other. */
function tunnelFor(tunnels: readonly TunnelView[], { from, to, transport }: PairRecord): TunnelView | undefined {
  const own = tunnels.filter((tunnel) => tunnel.from === from.portal && tunnel.to === to.portal);
  return own.find((tunnel) => tunnel.transport === transport) ?? (transport === 'tcp' ? undefined : own[0]);
}

async function portalFacts({ context, presence }: ExplainSources, name: Name, pair?: PairId): Promise<PortalFacts> {
  const here = presence.portalNamed(name);
  const member = await context.store.records.members.find('portal', name);
  return {
    name,
    since: here?.since ?? null,
    lastSeenAt: here?.seenAt ?? member?.lastSeenAt ?? null,
    certificate: await certificateFacts(context, name),
    listenerFailure: pair && here?.failedListeners.get(pair),
  };
}

/** A good certificate counts, however many older ones have expired or were revoked; else the newest tells. */
async function certificateFacts(context: StateContext, name: Name): Promise<CertificateFacts> {
  const { certificates, joinTokens } = context.store.records;
  const now = context.now();
  const all = await certificates.ofSubject(memberId(context, 'portal', name), limits.explainHistory);
  const good = all.find(({ revokedAt, notAfter }) => !revokedAt && notAfter > now);
  if (good) return { state: 'valid', until: good.notAfter };
  const [newest] = all;
  if (newest?.revokedAt) return { state: 'revoked', at: newest.revokedAt };
  if (newest) return { state: 'expired', at: newest.notAfter };
  const tokens = (await joinTokens.list({ limit: limits.apiPageSize, after: undefined })).filter(
    (token) => token.kind === 'portal' && token.name === name && !token.usedAt,
  );
  if (tokens.some(({ expiresAt }) => expiresAt > now)) return { state: 'none', token: 'open' };
  return { state: 'none', token: tokens.length > 0 ? 'expired' : null };
}

/** The latest of each kind of event that may tell of a pair. */
async function eventsOf(context: StateContext, { id, name, from, to }: PairRecord): Promise<TrailEvent[]> {
  const [listening, dialling] = [memberId(context, 'portal', from.portal), memberId(context, 'portal', to.portal)];
  const kinds = [
    { subject: id },
    { subject: name },
    { action: 'tunnel.failed', subject: dialling },
    { action: 'tunnel.failed', subject: listening },
    { action: 'circuit.deny', subject: from.portal },
  ];
  const { audit } = context.store.records;
  return (await Promise.all(kinds.map((kind) => audit.list({ ...kind, limit: limits.explainEvents })))).flat();
}

/** Both portals at once: one builds the tunnel, the other connects to the target. */
async function tryPair(inspection: Inspection, { id, from, to }: PairRecord): Promise<TriedFacts> {
  const [tunnel, target] = await Promise.all([from, to].map(({ portal }) => tryAt(inspection, portal, id)));
  return { tunnel, target };
}

/** Codes that say why a portal did not try, and nothing of the pair. */
const untriedCodes: ReadonlySet<ErrorCode> = new Set(['unavailable', 'rate_limited', 'draining', 'protocol_error']);

async function tryAt(inspection: Inspection, portal: Name, pair: PairId): Promise<Tried> {
  try {
    const trial = await inspection.probe(portal, pair);
    return trial.code && untriedCodes.has(trial.code) ? { untried: trial.message } : { trial };
  } catch (thrown) {
    const { code, message } = asNetportError(thrown);
    return { untried: code === 'unknown_message' ? `${portal} is too old to try it` : message };
  }
}
