import { createHash } from 'node:crypto';
import { canonicalEvent, parseSpiffeId } from '@netport/protocol';
import type { AuditLookup, AuditRecord, ChainedEvent } from '../store/store.js';
import { fieldsOf } from './fields.js';

type Position = Pick<ChainedEvent, 'id' | 'hash'>;

/** Pure: puts events behind the last one of the chain. */
export function chainEvents(last: Position, events: readonly AuditRecord[]): (ChainedEvent & AuditLookup)[] {
  let { id, hash: previous } = last;
  return events.map((event) => {
    id += 1;
    const chained = { ...event, id, previous };
    const hash = hashOf(chained);
    previous = hash;
    return { ...chained, hash, ...lookupOf(event) };
  });
}

const hashOf = (event: Omit<ChainedEvent, 'hash'>): string =>
  createHash('sha256')
    .update(canonicalEvent({ ...event, at: event.at.toISOString() }))
    .digest('hex');

/** Pure: the portals, the pair and the stream that an event is about, wherever it says so. */
export function lookupOf(event: AuditRecord): AuditLookup {
  const { actor, action, subject } = event;
  const about = fieldsOf(event);
  const kind = action.split('.', 1)[0];
  return {
    portal: kind === 'portal' ? subject : (portalIn(about.from) ?? parsePortal(actor)),
    peer: portalIn(about.to) ?? parsePortal(about.peer),
    pair: kind === 'pair' ? subject : text(about.pair),
    stream: text(about.stream),
  };
}

const text = (value: unknown): string | null => (typeof value === 'string' ? value : null);

/** `laptop`, or the side of a pair: `laptop:127.0.0.1:8080`. */
const portalIn = (value: unknown): string | null => text(value)?.split(':', 1)[0] ?? null;

function parsePortal(value: unknown): string | null {
  const identity = parseSpiffeId(text(value) ?? '');
  return identity?.kind === 'portal' ? identity.name : null;
}
