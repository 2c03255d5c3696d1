import {
  type CircuitId,
  type Labels,
  listenerKey,
  type Name,
  NetportError,
  type PairId,
  type Protocol,
  type Schedule,
  type SpiffeId,
  type Transport,
  type TransportPreference,
} from '@netport/protocol';
import type { Prisma } from './prisma.js';
import { auditRecords } from './prisma-audit.js';
import { deviceRecords } from './prisma-devices.js';
import { signInRecords } from './prisma-sign-in.js';
import { unique } from './prisma-unique.js';
import { batches, insertRows } from './rows.js';
import type {
  CertificateRecord,
  CircuitRecord,
  JoinTokenRecord,
  Member,
  MemberKind,
  NameRange,
  PairRecord,
  Records,
  StoredDocument,
} from './store.js';

/** Names in the database were checked when they came in: here they only get their brand back. */
type Row<T extends keyof Prisma.TypeMap['model']> = Prisma.TypeMap['model'][T]['payload']['scalars'];

/** The records over one Prisma client, which may be a transaction's. */
export function prismaRecords(prisma: Prisma.TransactionClient): Records {
  return {
    members: {
      add: ({ labels, trustedRoots, ...member }) =>
        unique(`the ${member.kind} ${member.name}`, () =>
          prisma.member.create({
            data: {
              ...member,
              labels: JSON.stringify(labels),
              trustedRoots: trustedRoots && JSON.stringify(trustedRoots),
            },
          }),
        ),
      find: async (kind, name) => {
        const row = await prisma.member.findUnique({ where: { kind_name: { kind, name } } });
        return row ? toMember(row) : undefined;
      },
      list: async (kind, range) => {
        const where = { kind, ...named(range) };
        const rows = await prisma.member.findMany({ where, orderBy: { name: 'asc' }, ...atMost(range) });
        return rows.map(toMember);
      },
      count: (kind, q) => prisma.member.count({ where: { kind, name: { contains: q } } }),
      label: async (id, labels) => {
        await prisma.member.update({ where: { id }, data: { labels: JSON.stringify(labels) } });
      },
      revoked: async (id, revokedAt) => {
        await prisma.member.update({ where: { id }, data: { revokedAt } });
      },
      seen: async (kind, name, lastSeenAt, address, version) => {
        await prisma.member.updateMany({ where: { kind, name }, data: { lastSeenAt, address, version } });
      },
      trusts: async (kind, name, certifiedBy, roots) => {
        const data = { certifiedBy, trustedRoots: JSON.stringify(roots) };
        await prisma.member.updateMany({ where: { kind, name }, data });
      },
      remove: async (id) => {
        await prisma.member.delete({ where: { id } });
      },
    },

    joinTokens: {
      add: async (token) => {
        await prisma.joinToken.create({ data: { ...token, secretHash: Uint8Array.from(token.secretHash) } });
      },
      find: async (id) => {
        const row = await prisma.joinToken.findUnique({ where: { id }, include: { member: true } });
        return row ? toJoinToken(row) : undefined;
      },
      list: async (range) => {
        const { after } = range;
        const rows = await prisma.joinToken.findMany({
          ...(after && {
            where: { OR: [{ createdAt: { lt: after.at } }, { createdAt: after.at, id: { gt: after.id } }] },
          }),
          include: { member: true },
          orderBy: [{ createdAt: 'desc' }, { id: 'asc' }],
          ...atMost(range),
        });
        return rows.map(toJoinToken);
      },
      use: async (id, usedAt) =>
        (await prisma.joinToken.updateMany({ where: { id, usedAt: null }, data: { usedAt } })).count === 1,
      remove: async (id) => (await prisma.joinToken.deleteMany({ where: { id } })).count === 1,
      removeOpen: async (memberId) => {
        await prisma.joinToken.deleteMany({ where: { memberId, usedAt: null } });
      },
    },

    certificates: {
      add: async (certificate) => {
        await prisma.certificate.create({ data: certificate });
      },
      list: async (now, range) => {
        const after = range?.after;
        const rows = await prisma.certificate.findMany({
          where: {
            notAfter: { gt: now },
            ...(after && {
              OR: [{ notBefore: { lt: after.at } }, { notBefore: after.at, serial: { gt: after.id } }],
            }),
          },
          orderBy: [{ notBefore: 'desc' }, { serial: 'asc' }],
          ...atMost(range),
        });
        return rows.map(toCertificate);
      },
      ofSubject: async (subject, take) => {
        const rows = await prisma.certificate.findMany({ where: { subject }, orderBy: { notBefore: 'desc' }, take });
        return rows.map((row): CertificateRecord => ({ ...row, subject }));
      },
      listOf: async (now, subjects) => {
        const where = { notAfter: { gt: now }, subject: { in: [...subjects] } };
        return (await prisma.certificate.findMany({ where })).map(toCertificate);
      },
      isGood: async (serial) => (await prisma.certificate.count({ where: { serial, revokedAt: null } })) === 1,
      revoke: async (subject, revokedAt) =>
        (await prisma.certificate.updateMany({ where: { subject, revokedAt: null }, data: { revokedAt } })).count,
    },

    pairs: {
      add: (pair, fromId, toId) =>
        unique(`the access pair ${pair.name}`, () => prisma.accessPair.create({ data: pairRow(pair, fromId, toId) })),
      update: async (pair, fromId, toId) => {
        await prisma.accessPair.update({ where: { id: pair.id }, data: pairRow(pair, fromId, toId) });
      },
      find: async (name) => {
        const row = await prisma.accessPair.findUnique({ where: { name }, include: bothPortals });
        return row ? toPair(row) : undefined;
      },
      findListener: async (fromId, key) => {
        const where = { fromId_listenerKey: { fromId, listenerKey: key } };
        const row = await prisma.accessPair.findUnique({ where, include: bothPortals });
        return row ? toPair(row) : undefined;
      },
      list: async (range) => {
        const query = {
          where: named(range),
          include: bothPortals,
          orderBy: { name: 'asc' },
          ...atMost(range),
        } as const;
        return (await prisma.accessPair.findMany(query)).map(toPair);
      },
      named: async (names) => {
        const pairs: PairRecord[] = [];
        for (const batch of batches(names)) {
          const where = { name: { in: batch } };
          pairs.push(...(await prisma.accessPair.findMany({ where, include: bothPortals })).map(toPair));
        }
        return pairs;
      },
      count: (q) => prisma.accessPair.count({ where: { name: { contains: q } } }),
      countOf: (memberId) => prisma.accessPair.count({ where: { OR: [{ fromId: memberId }, { toId: memberId }] } }),
      remove: async (id) => {
        await prisma.accessPair.delete({ where: { id } });
      },
      addAll: async (pairs) => {
        const members = await prisma.member.findMany({ where: { kind: 'portal' }, select: { id: true, name: true } });
        const ids = new Map(members.map(({ id, name }) => [name, id]));
        const rows = pairs.map((pair) => pairRow(pair, idOf(ids, pair.from.portal), idOf(ids, pair.to.portal)));
        await insertRows(prisma, 'AccessPair', rows);
      },
      removeAll: async (ids) => {
        for (const batch of batches(ids)) await prisma.accessPair.deleteMany({ where: { id: { in: batch } } });
      },
    },

    documents: {
      list: async () => {
        const rows = await prisma.policyEntry.findMany({ orderBy: [{ kind: 'asc' }, { name: 'asc' }] });
        return rows.map(({ body }) => JSON.parse(body) as StoredDocument);
      },
      put: async (documents) => {
        await removeEntries(prisma, documents);
        const rows = documents.map((document) => ({ ...entryKey(document), body: JSON.stringify(document) }));
        await insertRows(prisma, 'PolicyEntry', rows);
      },
      remove: (documents) => removeEntries(prisma, documents),
    },

    circuits: {
      add: async ({ ports, packets: _live, ...circuit }) => {
        await prisma.circuit.create({ data: { ...circuit, firstPort: ports[0], secondPort: ports[1] } });
      },
      list: async () => {
        const rows = await prisma.circuit.findMany({ where: { endedAt: null }, orderBy: { createdAt: 'asc' } });
        return rows.map(toCircuit);
      },
      joined: async (id) => {
        await prisma.circuit.updateMany({ where: { id, endedAt: null }, data: { state: 'joined' } });
      },
      end: async ({ id, sent, received, datapath }, endedAt, code) => {
        const data = { state: 'ended', endedAt, code, sent, received, datapath };
        await prisma.circuit.updateMany({ where: { id, endedAt: null }, data });
      },
    },

    audit: auditRecords(prisma),

    ...signInRecords(prisma),
    ...deviceRecords(prisma),

    bump: async (name) => {
      const row = await prisma.sequence.upsert({
        where: { name },
        create: { name, value: 1 },
        update: { value: { increment: 1 } },
      });
      return row.value;
    },
    advance: async (name, value) => {
      await prisma.sequence.upsert({ where: { name }, create: { name, value }, update: { value } });
    },
    current: async (name) => (await prisma.sequence.findUnique({ where: { name } }))?.value ?? 0,
  };
}

const named = (range: NameRange | undefined) =>
  range ? { name: { contains: range.q, ...(range.after !== undefined && { gt: range.after }) } } : {};
/** As many as there are, unless said otherwise: a query is typed by what it has. */
const atMost = (range: { limit: number } | undefined) => ({ take: range?.limit ?? 2 ** 31 - 1 });

const toCertificate = (row: Row<'Certificate'>): CertificateRecord => ({ ...row, subject: row.subject as SpiffeId });

const bothPortals = { from: { select: { name: true } }, to: { select: { name: true } } } as const;

const toMember = (row: Row<'Member'>): Member => ({
  ...row,
  kind: row.kind as MemberKind,
  name: row.name as Name,
  labels: JSON.parse(row.labels) as Labels,
  trustedRoots: row.trustedRoots === null ? null : (JSON.parse(row.trustedRoots) as string[]),
});

const toJoinToken = ({
  member,
  ...row
}: Row<'JoinToken'> & { member: { kind: string; name: string } }): JoinTokenRecord => ({
  ...row,
  kind: member.kind as MemberKind,
  name: member.name as Name,
});

const entryKey = ({ kind, metadata }: StoredDocument) => ({ kind, name: metadata.name });

async function removeEntries(prisma: Prisma.TransactionClient, documents: readonly StoredDocument[]): Promise<void> {
  for (const kind of new Set(documents.map((document) => document.kind))) {
    const names = documents.filter((document) => document.kind === kind).map(({ metadata }) => metadata.name);
    for (const batch of batches(names)) await prisma.policyEntry.deleteMany({ where: { kind, name: { in: batch } } });
  }
}

const pairRow = ({ from, to, schedule, ...pair }: PairRecord, fromId: string, toId: string) => ({
  ...pair,
  schedule: schedule && JSON.stringify(schedule),
  fromId,
  fromAddress: from.address,
  fromPort: from.port ?? null,
  toId,
  toAddress: to.address,
  toPort: to.port ?? null,
  listenerKey: listenerKey({ protocol: pair.protocol, ...from }),
});

/** Throws `not_found`. */
function idOf(ids: ReadonlyMap<string, string>, portal: Name): string {
  const id = ids.get(portal);
  if (id === undefined) throw new NetportError('not_found', `no portal is named "${portal}"`);
  return id;
}

const toPair = (row: Row<'AccessPair'> & { from: { name: string }; to: { name: string } }): PairRecord => ({
  id: row.id as PairId,
  name: row.name as Name,
  protocol: row.protocol as Protocol,
  from: toEndpoint(row.from.name, row.fromAddress, row.fromPort),
  to: toEndpoint(row.to.name, row.toAddress, row.toPort),
  transport: row.transport as TransportPreference,
  enabled: row.enabled,
  owner: row.owner,
  reason: row.reason,
  expiresAt: row.expiresAt,
  createdAt: row.createdAt,
  revision: row.revision,
  grant: row.grant as Name | null,
  schedule: row.schedule === null ? null : (JSON.parse(row.schedule) as Schedule),
});

const toEndpoint = (portal: string, address: string, port: number | null): PairRecord['from'] => ({
  portal: portal as Name,
  address,
  ...(port !== null && { port }),
});

const toCircuit = (row: Row<'Circuit'>): CircuitRecord => ({
  id: row.id as CircuitId,
  from: row.from as Name,
  to: row.to as Name,
  transport: row.transport as Transport,
  relay: row.relay as Name,
  ports: [row.firstPort, row.secondPort],
  datapath: row.datapath as CircuitRecord['datapath'],
  state: row.state as CircuitRecord['state'],
  createdAt: row.createdAt,
  sent: Number(row.sent),
  received: Number(row.received),
});
