import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { type AuditEventView, ChainCheck, chainStart, type Name, type TrustDomain } from '@netport/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/harness.js';
import { memoryAuthority } from '../../test/memory-authority.js';
import { openStore } from '../store/open-store.js';
import { openConnection } from '../store/sqlite-connection.js';
import { audit, auditEvent, auditHead, chainOldEvents, exportAudit, pruneAudit, queryAudit } from './audit.js';
import type { StateContext } from './context.js';
import { addMember } from './members.js';

const trustDomain = 'example.org' as TrustDomain;
const admin = { name: 'token:admin', origin: '192.0.2.7:1' };
const day = 86_400_000;

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let context: StateContext;
let now: Date;
const open = () => openStore(`file:${join(directory.path, 'state.db')}`, () => now);
beforeEach(async () => {
  directory = await temporaryDirectory();
  now = new Date('2030-01-01T00:00:00Z');
  context = {
    store: await open(),
    authority: await memoryAuthority(trustDomain, now),
    trustDomain,
    publicUrl: 'https://control.example.org:8443',
    now: () => now,
    onAudit: () => {},
  };
});
afterEach(async () => {
  await context.store.close();
  await directory.remove();
});

const write = (count: number) =>
  Promise.all(
    Array.from({ length: count }, (_, n) =>
      auditEvent(context, admin, { action: 'test', subject: `s${n}`, detail: { n } }),
    ),
  );

async function exported(filter = {}): Promise<AuditEventView[]> {
  const events: AuditEventView[] = [];
  for await (const page of exportAudit(context, filter)) events.push(...page);
  return events;
}

/** The id of the first broken event, or what is whole. */
async function check() {
  const walk = new ChainCheck((text) => createHash('sha256').update(text).digest('hex'));
  for (const event of await exported()) {
    const broken = walk.next(event);
    if (broken) return broken.id;
  }
  const head = await auditHead(context);
  return { count: walk.count, complete: walk.last?.id === head.id, missingBefore: walk.missingBefore };
}

/** What somebody can do who has the database file. */
async function sql(...statements: string[]): Promise<void> {
  const client = await openConnection({ url: `file:${join(directory.path, 'state.db')}` });
  try {
    for (const statement of statements) await client.execute(statement);
  } finally {
    client.close();
  }
}

test('writers at the same time make one chain', async () => {
  await Promise.all([write(20), addMember(context, admin, 'portal', { name: 'a' as Name, labels: {} }), write(20)]);
  expect(await check()).toEqual({ count: 41, complete: true, missingBefore: undefined });
});

test('a writer that takes the place of another, as on a second server, gets nothing written', async () => {
  await write(2);
  const [, last] = await exported();
  if (!last) throw new Error('no event');
  const again = { ...last, at: now, portal: null, peer: null, pair: null, stream: null };
  await expect(context.store.records.audit.append([again])).rejects.toThrow(/unique constraint/i);
  expect(await check()).toMatchObject({ count: 2, complete: true });
});

test('an event stands or falls with the change that it tells of', async () => {
  await addMember(context, admin, 'portal', { name: 'a' as Name, labels: {} });
  await expect(addMember(context, admin, 'portal', { name: 'a' as Name, labels: {} })).rejects.toMatchObject({
    code: 'already_exists',
  });
  await expect(
    context.store.transaction(async (records) => {
      await audit(context, records, admin, { action: 'test', subject: null });
      throw new Error('the change failed');
    }),
  ).rejects.toThrow('the change failed');
  await write(1);
  expect((await exported()).map(({ id, action }) => [id, action])).toEqual([
    [1, 'portal.add'],
    [2, 'test'],
  ]);
  expect(await check()).toMatchObject({ count: 2, complete: true });
});

test('keeps what was before a change and what is after it', async () => {
  const change = { before: { enabled: true }, after: { enabled: false } };
  await auditEvent(context, admin, { action: 'pair.edit', subject: 'web', ...change });
  expect(await exported()).toMatchObject(
    [{ ...admin, actor: admin.name, detail: change, previous: chainStart }].map(({ name: _, ...event }) => event),
  );
});

describe('who changes the database behind the server', () => {
  const unlock = ['DROP TRIGGER "AuditEvent_no_update"', 'DROP TRIGGER "AuditEvent_no_delete"'];
  const swap = (column: string) =>
    `UPDATE "AuditEvent" SET "${column}" = (SELECT "${column}" FROM "AuditEvent" o WHERE o.id = 7 - "AuditEvent".id) WHERE id IN (3, 4)`;

  test.each([
    `UPDATE "AuditEvent" SET actor = 'token:other' WHERE id = 3`,
    'DELETE FROM "AuditEvent" WHERE id = 3',
    'DELETE FROM "AuditEvent"',
  ])('is stopped by a trigger: %s', async (statement) => {
    await write(6);
    await expect(sql(statement)).rejects.toThrow(/append-only/);
    expect(await check()).toMatchObject({ count: 6, complete: true });
  });

  test.each<[string, string[], unknown]>([
    ['changes one', [`UPDATE "AuditEvent" SET actor = 'token:other' WHERE id = 3`], 3],
    ['changes a detail', [`UPDATE "AuditEvent" SET detail = '{"n":7}' WHERE id = 5`], 5],
    ['changes the last', [`UPDATE "AuditEvent" SET subject = 'x' WHERE id = 6`], 6],
    ['changes a time', [`UPDATE "AuditEvent" SET at = '2030-01-01T00:00:01.000+00:00' WHERE id = 1`], 1],
    ['removes one', ['DELETE FROM "AuditEvent" WHERE id = 3'], 3],
    ['swaps two', ['actor', 'subject', 'detail', 'previous', 'hash'].map(swap), 3],
    ['removes the first', ['DELETE FROM "AuditEvent" WHERE id = 1'], { count: 5, complete: true, missingBefore: 2 }],
    ['removes the last', ['DELETE FROM "AuditEvent" WHERE id = 6'], { count: 5, complete: false }],
    [
      'adds one',
      [
        `INSERT INTO "AuditEvent" (id, at, actor, action, detail, previous, hash) SELECT 7, at, actor, 'x', '{}', hash, hash FROM "AuditEvent" WHERE id = 6`,
      ],
      7,
    ],
  ])('is found when he %s', async (_what, statements, found) => {
    await write(6);
    await sql(...unlock, ...statements);
    const result = await check();
    if (typeof found === 'object') expect(result).toMatchObject(found as object);
    else expect(result).toBe(found);
  });

  test('is found also when the server wrote on after the last event was removed', async () => {
    await write(6);
    await sql(...unlock, 'DELETE FROM "AuditEvent" WHERE id = 6');
    await write(2);
    expect(await check()).toBe(6);
  });
});

describe('retention', () => {
  test('removes what is too old, and the chain goes on from there, again and again', async () => {
    await write(5);
    now = new Date(now.getTime() + 10 * day);
    await write(3);
    expect(await pruneAudit(context, new Date(now.getTime() - 5 * day))).toBe(5);
    expect(await pruneAudit(context, new Date(now.getTime() - 5 * day))).toBe(0);
    const events = await exported();
    expect(events.map(({ id }) => id)).toEqual([6, 7, 8, 9]);
    const detail = { through: 5, hash: events[0]?.previous, count: 5 };
    expect(events.at(-1)).toMatchObject({ action: 'audit.prune', detail });
    expect(await check()).toEqual({ count: 4, complete: true, missingBefore: undefined });

    now = new Date(now.getTime() + 10 * day);
    expect(await pruneAudit(context, now)).toBe(4);
    await write(1);
    expect((await exported()).map(({ action }) => action)).toEqual(['audit.prune', 'test']);
    expect(await check()).toEqual({ count: 2, complete: true, missingBefore: undefined });
  });

  test('lets nobody remove more than it did', async () => {
    await write(5);
    now = new Date(now.getTime() + 10 * day);
    await write(3);
    await pruneAudit(context, new Date(now.getTime() - 5 * day));
    await expect(sql('DELETE FROM "AuditEvent" WHERE id = 6')).rejects.toThrow(/append-only/);
  });
});

test('events from before the chain get their places in it', async () => {
  await write(3);
  // As the migration finds a database of before.
  await sql('DROP TRIGGER "AuditEvent_no_update"', `UPDATE "AuditEvent" SET previous = '', hash = '', portal = NULL`);
  await chainOldEvents(context);
  await chainOldEvents(context);
  await write(1);
  expect(await check()).toEqual({ count: 4, complete: true, missingBefore: undefined });
});

test('answers by time, portal, pair, code, action, subject and stream', async () => {
  const at = (hours: number) => new Date(Date.parse('2030-01-01T00:00:00Z') + hours * 3_600_000);
  const stream = '00112233-4455-4677-8899-aabbccddeeff';
  await auditEvent(context, admin, { action: 'portal.add', subject: 'laptop' });
  now = at(1);
  await auditEvent(context, admin, {
    action: 'pair.add',
    subject: 'web',
    detail: { from: 'laptop:127.0.0.1:1', to: 'gw:10.0.0.5:80' },
  });
  now = at(2);
  const detail = { stream, pair: 'web', from: 'laptop', to: 'gw' };
  await auditEvent(context, admin, { action: 'stream.open', subject: 'web', detail });
  now = at(3);
  await auditEvent(context, admin, { action: 'stream.end', subject: 'web', code: 'stream_reset', detail });
  const portal = { name: 'spiffe://example.org/portal/gw', origin: null };
  await auditEvent(context, portal, {
    action: 'circuit.deny',
    subject: 'gw',
    code: 'policy_denied',
    detail: { peer: 'spiffe://example.org/portal/laptop' },
  });

  const ids = async (filter: object) => (await queryAudit(context, { ...filter, limit: 10 })).items.map(({ id }) => id);
  expect(await ids({ since: at(1).toISOString() })).toEqual([5, 4, 3, 2]);
  expect(await ids({ since: at(1).toISOString(), until: at(3).toISOString() })).toEqual([3, 2]);
  expect(await ids({ portal: 'laptop' })).toEqual([5, 4, 3, 2, 1]);
  expect(await ids({ portal: 'gw' })).toEqual([5, 4, 3, 2]);
  expect(await ids({ pair: 'web' })).toEqual([4, 3, 2]);
  expect(await ids({ code: 'stream_reset' })).toEqual([4]);
  expect(await ids({ code: 'ok', pair: 'web' })).toEqual([3, 2]);
  expect(await ids({ action: 'stream.end' })).toEqual([4]);
  expect(await ids({ subject: 'laptop' })).toEqual([1]);
  expect(await ids({ stream })).toEqual([4, 3]);
  expect(await ids({ stream, portal: 'other' })).toEqual([]);
  expect((await exported({ pair: 'web' })).map(({ id }) => id)).toEqual([2, 3, 4]);
});
