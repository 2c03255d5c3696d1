import {
  type AuditEventView,
  type AuditFilter,
  type AuditHead,
  chainStart,
  type ErrorCode,
  limits,
  pruneAction,
} from '@netport/protocol';
import { chainEvents } from '../audit/chain.js';
import type { AuditQuery, AuditRecord, ChainedEvent, Records } from '../store/store.js';
import { type Actor, controlId, type StateContext } from './context.js';

export interface AuditEntry {
  action: string;
  subject: string | null;
  code?: ErrorCode;
  /** Of a change: what was, and what is. Only what differs, where both are there. */
  before?: Record<string, unknown>;
  after?: Record<string, unknown>;
  detail?: Record<string, unknown>;
}

/** Adds an event to the trail; inside a transaction, with whose records, it stands or falls with the change that it tells of. */
export const audit = (context: StateContext, records: Records, actor: Actor, entry: AuditEntry): Promise<void> =>
  auditAll(context, records, [{ actor, entry }]);

/** Adds events in this order. */
export async function auditAll(
  context: StateContext,
  records: Records,
  events: readonly { actor: Actor; entry: AuditEntry }[],
): Promise<void> {
  if (events.length === 0) return;
  for (const { entry } of events) context.onAudit(entry);
  const now = context.now();
  const last = await records.audit.reserve(events.length);
  const written = events.map(({ actor, entry }) => auditRecord(now, actor, entry));
  await records.audit.append(chainEvents(last, written));
}

/** For what happened without a change of state: a refusal, or an event that a portal reports. */
export const auditEvent = (context: StateContext, actor: Actor, entry: AuditEntry): Promise<void> =>
  context.store.transaction((records) => audit(context, records, actor, entry));

function auditRecord(
  at: Date,
  actor: Actor,
  { action, subject, code, before, after, detail }: AuditEntry,
): AuditRecord {
  return {
    at,
    actor: actor.name,
    origin: actor.origin,
    action,
    subject,
    code: code ?? null,
    // As it will be read again: that is what is hashed.
    detail: JSON.parse(JSON.stringify({ ...detail, before, after })),
  };
}

/** A page of the trail, newest first; `next` is the `before` of the page after it. */
export async function queryAudit(
  context: StateContext,
  {
    limit,
    before,
    after,
    ...filter
  }: AuditFilter & { limit: number; before?: number | undefined; after?: number | undefined },
): Promise<{ items: AuditEventView[]; next?: number }> {
  // One more than asked for tells whether there is a next page.
  const events = await context.store.records.audit.list({ ...queryOf(filter), before, after, limit: limit + 1 });
  const items = events.slice(0, limit).map(auditView);
  const last = items.at(-1);
  return { items, ...(events.length > limit && last && { next: last.id }) };
}

/** Everything that fits, oldest first, a page at a time. */
export async function* exportAudit(context: StateContext, filter: AuditFilter): AsyncGenerator<AuditEventView[]> {
  const query = queryOf(filter);
  const limit = limits.auditBatch;
  let after = 0;
  for (;;) {
    const events = await context.store.records.audit.listAfter(query, { after, limit });
    if (events.length > 0) yield events.map(auditView);
    if (events.length < limit) return;
    after = events.at(-1)?.id ?? after;
  }
}

/** How far the trail has come, by the count that is kept beside it. */
export const auditHead = (context: StateContext): Promise<AuditHead> =>
  context.store.transaction(async (records) => {
    const id = await records.current('audit');
    return { id, hash: (await records.audit.find(id))?.hash ?? chainStart };
  });

const queryOf = ({ since, until, code, ...filter }: AuditFilter): AuditQuery => ({
  ...filter,
  since: since === undefined ? undefined : new Date(since),
  until: until === undefined ? undefined : new Date(until),
  code: code === 'ok' ? null : code,
});

export const auditView = ({ at, ...event }: ChainedEvent): AuditEventView => ({ ...event, at: at.toISOString() });

/** Removes the events from before `time`, as far as one transaction should, and writes down where. Answers how many. */
export const pruneAudit = (context: StateContext, time: Date): Promise<number> =>
  context.store.transaction(async (records) => {
    const last = await records.audit.lastBefore(time, limits.auditBatch);
    if (!last) return 0;
    // First, so that the chain goes on even where nothing else is left.
    const pruned = await records.current('audit_pruned');
    await audit(context, records, ownActor(context), {
      action: pruneAction,
      subject: null,
      detail: { through: last.id, hash: last.hash, count: last.id - pruned, before: time.toISOString() },
    });
    return records.audit.prune(last.id);
  });

/** Gives the events from before the chain was their places in it. */
export async function chainOldEvents(context: StateContext): Promise<void> {
  for (let more = true; more; ) {
    more = await context.store.transaction(async (records) => {
      const events = await records.audit.unchained(limits.auditBatch);
      const [first] = events;
      if (!first) return false;
      const hash = (await records.audit.find(first.id - 1))?.hash ?? chainStart;
      for (const event of chainEvents({ id: first.id - 1, hash }, events)) await records.audit.chain(event);
      return true;
    });
  }
}

/** This server itself. */
export const ownActor = ({ trustDomain }: StateContext): Actor => ({ name: controlId(trustDomain), origin: null });
