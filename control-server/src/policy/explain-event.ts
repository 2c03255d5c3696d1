import {
  addPairSchema,
  type EventExplanation,
  errorTable,
  type HopName,
  limits,
  type Name,
  parseEndpoint,
  parseSpiffeId,
} from '@netport/protocol';
import { fieldsOf } from '../audit/fields.js';
import type { PairRecord } from '../store/store.js';
import { hopOf, messageOf, type TrailEvent } from './explain-trail.js';

/** What the trail tells of an access pair, though it may be gone. */
export type KnownPair = Pick<PairRecord, 'name' | 'protocol' | 'from' | 'to'> & { id: string };

/** The pair that was removed in an event. */
export function formerPair(event: TrailEvent): KnownPair | undefined {
  const { subject } = event;
  const pair = fieldsOf(event);
  const [from, to] = [pair.from, pair.to].map((text) => {
    const [, portal, rest] = /^([^:]+):(.+)$/.exec(String(text)) ?? [];
    return { portal, ...parseEndpoint(rest ?? '') };
  });
  const { success, data } = addPairSchema.safeParse({ name: subject, protocol: pair.protocol, from, to });
  if (!success) return undefined;
  return { id: String(pair.id), name: data.name, protocol: data.protocol, from: side(data.from), to: side(data.to) };
}

const side = ({ portal, address, port }: { portal: Name; address: string; port?: number | undefined }) => ({
  portal,
  address,
  ...(port !== undefined && { port }),
});

/** The pair that an event was about, or at least the portal; `pairs` in the order of preference. */
export function aboutOf(
  event: TrailEvent,
  pairs: readonly KnownPair[],
): { pair?: KnownPair; portal: Name } | undefined {
  const { action, actor, subject } = event;
  const about = fieldsOf(event);
  const isPair = action.startsWith('pair.') || action.startsWith('stream.');
  const identified = pairs.find(({ id }) => [subject, about.pair, about.id].includes(id));
  const pair = identified ?? (isPair ? pairs.find(({ name }) => [subject, about.pair].includes(name)) : undefined);
  if (pair) return { pair, portal: pair.from.portal };
  const [reporter, peer] = [actor, about.peer].map((id) => parseSpiffeId(String(id)));
  if (!isPair) {
    const [one, other] = [about.from ?? reporter?.name, about.to ?? peer?.name];
    const leads = (from: unknown, to: unknown) =>
      pairs.find((known) => known.from.portal === from && known.to.portal === to);
    const between = leads(one, other) ?? leads(other, one);
    if (between) return { pair: between, portal: between.from.portal };
  }
  if (reporter?.kind === 'portal') return { portal: reporter.name };
  return action.startsWith('portal.') && subject ? { portal: subject as Name } : undefined;
}

/** What an audit event was about, and how its access pair stood then. `history` may be in any order. */
export function explainEvent(
  event: TrailEvent,
  pair: Pick<PairRecord, 'name' | 'from' | 'to'> | undefined,
  history: readonly TrailEvent[],
): EventExplanation['event'] {
  const ordered = [...history].sort((a, b) => a.id - b.id);
  const before = ordered.filter(({ id }) => id < event.id);
  const hop = pair ? hopOf(event, pair) : undefined;
  return {
    ...happening(event),
    subject: event.subject,
    hop: hop ?? null,
    cause: event.code && { code: event.code, message: messageOf(event), help: errorTable[event.code].help },
    pair: pair ? standing(pair.name, before, hop) : null,
    history: ordered
      .filter(({ id }) => id !== event.id)
      .slice(-limits.explainHistory)
      .map(happening),
  };
}

const happening = ({ id, at, actor, action }: TrailEvent) => ({ id, at: at.toISOString(), actor, action });

/** Out of the last thing before that decided whether the pair was in force. */
function standing(name: string, before: readonly TrailEvent[], hop: HopName | undefined): string {
  const decisive = before.flatMap((event) => {
    const effect = effectOf(event);
    return effect ? [{ ...event, effect }] : [];
  });
  const last = decisive.at(-1);
  if (!last) return `the trail does not tell how ${name} stood then`;
  const by = `by ${last.actor} at ${last.at.toISOString()} (${last.action})`;
  const permitted = last.effect === 'in force' && hop !== undefined && hop !== 'pair';
  return `${name} was ${last.effect}, ${by}${permitted ? ': policy was not what stopped it' : ''}`;
}

function effectOf(event: TrailEvent): 'in force' | 'disabled' | 'expired' | 'removed' | undefined {
  const { enabled } = fieldsOf(event);
  switch (event.action) {
    case 'pair.add':
      return enabled === false ? 'disabled' : 'in force';
    case 'pair.enable':
      return 'in force';
    case 'pair.disable':
      return 'disabled';
    case 'pair.expire':
      return 'expired';
    case 'pair.remove':
      return 'removed';
    case 'pair.change':
      // It says what changed.
      return enabled === undefined ? undefined : enabled ? 'in force' : 'disabled';
    default:
      return undefined;
  }
}
