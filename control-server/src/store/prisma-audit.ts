import { chainStart, type ErrorCode, pairIdSchema } from '@netport/protocol';
import type { Prisma } from './prisma.js';
import { insertRows } from './rows.js';
import type { AuditLookup, AuditQuery, AuditRecords, ChainedEvent } from './store.js';

/** The audit trail over one Prisma client, which may be a transaction's. */
export function auditRecords(prisma: Prisma.TransactionClient): AuditRecords {
  const find: AuditRecords['find'] = async (id) => {
    const row = await prisma.auditEvent.findUnique({ where: { id } });
    return row ? toEvent(row) : undefined;
  };
  return {
    reserve: async (count) => {
      const name = 'audit';
      const update = { value: { increment: count } };
      const { value } = await prisma.sequence.upsert({ where: { name }, create: { name, value: count }, update });
      const id = value - count;
      return { id, hash: (await find(id))?.hash ?? chainStart };
    },
    append: (events) => insertRows(prisma, 'AuditEvent', events.map(toRow)),
    list: async ({ before, after, limit, ...query }) => {
      const id = { ...(before !== undefined && { lt: before }), ...(after !== undefined && { gt: after }) };
      const where = { AND: [filter(query), { id }] };
      return (await prisma.auditEvent.findMany({ where, orderBy: { id: 'desc' }, take: limit })).map(toEvent);
    },
    listAfter: async (query, { after, limit }) => {
      const where = { AND: [filter(query), { id: { gt: after } }] };
      return (await prisma.auditEvent.findMany({ where, orderBy: { id: 'asc' }, take: limit })).map(toEvent);
    },
    last: async () => {
      const row = await prisma.auditEvent.findFirst({ orderBy: { id: 'desc' } });
      return row ? toEvent(row) : undefined;
    },
    find,
    ofStreams: async (streams) =>
      (await prisma.auditEvent.findMany({ where: { stream: { in: [...streams] } } })).map(toEvent),
    lastBefore: async (time, limit) => {
      const rows = await prisma.auditEvent.findMany({ orderBy: { id: 'asc' }, take: limit });
      const end = rows.findIndex(({ at }) => at >= time);
      const row = rows[end === -1 ? rows.length - 1 : end - 1];
      return row ? toEvent(row) : undefined;
    },
    prune: async (through) => {
      // What the trigger of the table lets go.
      const pruned = { name: 'audit_pruned', value: through };
      await prisma.sequence.upsert({ where: { name: pruned.name }, create: pruned, update: pruned });
      return (await prisma.auditEvent.deleteMany({ where: { id: { lte: through } } })).count;
    },
    unchained: async (limit) => {
      const rows = await prisma.auditEvent.findMany({ where: { hash: '' }, orderBy: { id: 'asc' }, take: limit });
      return rows.map(toEvent);
    },
    chain: async ({ id, previous, hash, portal, peer, pair, stream }) => {
      const data = { previous, hash, portal, peer, pair, stream };
      await prisma.auditEvent.update({ where: { id }, data });
    },
  };
}

function filter({ since, until, portal, pair, code, ...same }: AuditQuery): Prisma.AuditEventWhereInput {
  const equal = Object.entries(same).filter(([, value]) => value !== undefined);
  return {
    ...Object.fromEntries(equal),
    // What portals say of a pair has its id for a subject.
    ...(pair !== undefined && { AND: pairIdSchema.safeParse(pair).success ? { subject: pair } : { pair } }),
    ...(code !== undefined && { code }),
    ...((since || until) && { at: { ...(since && { gte: since }), ...(until && { lt: until }) } }),
    ...(portal !== undefined && { OR: [{ portal }, { peer: portal }] }),
  };
}

const toRow = ({ detail, ...event }: ChainedEvent & AuditLookup) => ({ ...event, detail: JSON.stringify(detail) });

type Row = Prisma.TypeMap['model']['AuditEvent']['payload']['scalars'];

const toEvent = ({ portal: _portal, peer: _peer, pair: _pair, stream: _stream, ...row }: Row): ChainedEvent => ({
  ...row,
  code: row.code as ErrorCode | null,
  detail: JSON.parse(row.detail) as Record<string, unknown>,
});
