import type { AuditEventView, ErrorCode } from '@netport/protocol';
import type { AuditQuery, AuditRecord, Records } from '../store/store.js';
import type { Actor, StateContext } from './context.js';

export interface AuditEntry {
  action: string;
  subject: string | null;
  code?: ErrorCode;
  detail?: Record<string, unknown>;
}

/** Adds an event to the trail; inside a transaction it stands or falls with the change that it tells of. */
export function audit(context: StateContext, records: Records, actor: Actor, entry: AuditEntry): Promise<void> {
  context.onAudit(entry);
  return records.audit.add(auditRecord(context.now(), actor, entry));
}

/** For what happened without a change of state: a refusal, or an event that a portal reports. */
export const auditEvent = (context: StateContext, actor: Actor, entry: AuditEntry): Promise<void> =>
  audit(context, context.store.records, actor, entry);

const auditRecord = (at: Date, actor: Actor, { action, subject, code, detail }: AuditEntry): AuditRecord => ({
  at,
  actor: actor.name,
  origin: actor.origin,
  action,
  subject,
  code: code ?? null,
  detail: detail ?? {},
});

/** A page of the trail, newest first; `next` is the `before` of the page after it. */
export async function queryAudit(
  context: StateContext,
  query: AuditQuery,
): Promise<{ items: AuditEventView[]; next?: number }> {
  // One more than asked for tells whether there is a next page.
  const events = await context.store.records.audit.list({ ...query, limit: query.limit + 1 });
  const items = events.slice(0, query.limit).map((event) => ({ ...event, at: event.at.toISOString() }));
  const last = items.at(-1);
  return { items, ...(events.length > query.limit && last && { next: last.id }) };
}
