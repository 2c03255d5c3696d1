import { type ErrorCode, type HopName, limits, parseSpiffeId } from '@netport/protocol';
import type { AuditRecord, PairRecord } from '../store/store.js';
import type { Failure, TrailFacts } from './explain-facts.js';

export type TrailEvent = AuditRecord & { id: number };

/** What a portal says when the target is at fault, and not the way to it. */
const targetCodes: ReadonlySet<ErrorCode> = new Set([
  'connect_refused',
  'connect_timeout',
  'connect_failed',
  'host_unreachable',
  'dns_failed',
]);
const policyCodes: ReadonlySet<ErrorCode> = new Set(['policy_denied', 'pair_expired']);
/** Whether a portal is online is known better, and an application that gives up is no fault. */
const passing: ReadonlySet<ErrorCode> = new Set(['peer_offline', 'stream_reset', 'draining', 'circuit_closed']);

/** The hop that an event of a pair's portals speaks of. */
export function hopOf({ action, actor, code }: TrailEvent, pair: Pick<PairRecord, 'from' | 'to'>): HopName | undefined {
  if (!code) return undefined;
  const reporter = parseSpiffeId(actor)?.name;
  const own = reporter === pair.to.portal ? 'peer' : 'portal';
  switch (action) {
    case 'stream.denied':
      return own;
    case 'stream.failed':
      if (policyCodes.has(code)) return 'peer';
      return own === 'peer' || targetCodes.has(code) ? 'target' : code === 'relay_unavailable' ? 'relay' : 'tunnel';
    case 'circuit.deny':
      return code === 'peer_offline' ? 'peer' : code === 'relay_unavailable' ? 'relay' : 'tunnel';
    case 'tunnel.failed':
      return 'tunnel';
    case 'pair.expire':
      return 'pair';
    default:
      return undefined;
  }
}

/** What went wrong and right with a pair since it was last changed. The events may be anybody's, in any order. */
export function readTrail(events: readonly TrailEvent[], pair: PairRecord): TrailFacts {
  const ordered = [...new Map(events.map((event) => [event.id, event])).values()].sort((a, b) => b.id - a.id);
  const changed = ordered.find(({ action, subject }) => action.startsWith('pair.') && subject === pair.name);
  const since = ordered.filter(({ id }) => id > (changed?.id ?? 0));
  const own = since.filter((event) => isAbout(event, pair));
  return {
    failures: own.flatMap((event): Failure[] => {
      const hop = hopOf(event, pair);
      if (!event.code || !hop || passing.has(event.code)) return [];
      return [{ hop, code: event.code, message: messageOf(event), at: event.at }];
    }),
    success: own.find(({ action, code }) => action === 'stream.open' && !code)?.at ?? null,
  };
}

function isAbout({ action, actor, subject, detail }: TrailEvent, pair: PairRecord): boolean {
  if (action.startsWith('stream.')) {
    return [subject, detail.pair].some((about) => about === pair.id || about === pair.name);
  }
  const [reporter, other] = [actor, detail.peer].map((id) => parseSpiffeId(String(id))?.name);
  const ends = [pair.from.portal, pair.to.portal];
  return reporter !== other && ends.some((name) => name === reporter) && ends.some((name) => name === other);
}

export const messageOf = ({ detail, action }: Pick<AuditRecord, 'detail' | 'action'>): string =>
  typeof detail.message === 'string' ? detail.message : action;

/** Whether what was seen then still counts. */
export const isRecent = (then: Date, now: Date): boolean => now.getTime() - then.getTime() < limits.explainRecent;
