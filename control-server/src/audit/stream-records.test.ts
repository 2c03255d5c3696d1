import {
  type Name,
  type PairId,
  pairIdSchema,
  type SpiffeId,
  type StreamReport,
  streamIdSchema,
  type TrustDomain,
} from '@netport/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silent, temporaryDirectory, waitFor } from '../../test/harness.js';
import { memoryAuthority } from '../../test/memory-authority.js';
import { queryAudit } from '../state/audit.js';
import type { StateContext } from '../state/context.js';
import { openStore } from '../store/open-store.js';
import type { PairRecord } from '../store/store.js';
import { StreamRecords } from './stream-records.js';

const trustDomain = 'example.org' as TrustDomain;
const portal = (name: string) => `spiffe://${trustDomain}/portal/${name}` as SpiffeId;
const pairId = pairIdSchema.parse('00112233-4455-4677-8899-000000000000');
const endpoint = (name: string) => ({ portal: name as Name, address: '127.0.0.1', port: 80 });
const pair: PairRecord = {
  ...{ id: pairId, name: 'web' as Name, protocol: 'tcp', from: endpoint('a'), to: endpoint('b'), transport: 'auto' },
  ...{ enabled: true, owner: 'token:admin', reason: '', expiresAt: null, createdAt: new Date(0), revision: 1 },
  ...{ grant: null, schedule: null },
};

const open = {
  event: 'open',
  stream: streamIdSchema.parse('00112233-4455-4677-8899-aabbccddeeff'),
  pair: pairId,
  protocol: 'tcp',
  transport: 'tcp',
  source: '127.0.0.1:50312',
  openedAt: '2030-01-01T00:00:00.000Z',
} as const;
const listening: StreamReport = { ...open, direction: 'outgoing', peer: portal('b'), relay: 'r' as Name };
const dialling: StreamReport = { ...open, direction: 'incoming', peer: portal('a'), target: '10.0.0.5:80' };

const closers: (() => unknown)[] = [];
let context: StateContext;
let streams: StreamRecords;
let kept: string[];
let online: boolean;
beforeEach(async () => {
  const directory = await temporaryDirectory();
  const now = () => new Date('2030-01-01T00:00:00Z');
  const store = await openStore(`file:${directory.path}/state.db`, now);
  closers.push(
    () => directory.remove(),
    () => store.close(),
  );
  const authority = await memoryAuthority(trustDomain, now());
  context = { store, authority, trustDomain, publicUrl: 'https://control.example.org', now, onAudit: () => {} };
  [kept, online] = [[], true];
  streams = new StreamRecords({ context, online: () => online, log: silent });
  streams.learn([pair]);
});
afterEach(async () => {
  online = false;
  await streams.stop();
  for (const close of closers.splice(0).reverse()) await close();
});

const say = (name: string, ...reports: StreamReport[]): Promise<void> =>
  streams.take(name, { name: portal(name), origin: null }, { type: 'streams', batch: 1, dropped: 0, reports }, () =>
    kept.push(name),
  );
const written = async () => (await queryAudit(context, { limit: 100 })).items.reverse();

test.each<[string, string, Partial<StreamReport>]>([
  ['a portal that has no part in the pair, as the one that listens', 'c', listening],
  ['a portal that has no part in the pair, as the one that dials', 'c', dialling],
  ['the portal that listens, as the one that dials', 'a', dialling],
  ['the portal that dials, as the one that listens', 'b', listening],
  ['the portal that listens, of a stream to another', 'a', { ...listening, peer: portal('c') }],
  ['the portal that dials, of a stream from another', 'b', { ...dialling, peer: portal('c') }],
  [
    'either, of a pair that never was',
    'a',
    { ...listening, pair: pairIdSchema.parse('ffffffff-4455-4677-8899-000000000000') },
  ],
])('nothing is believed of %s; it is told not to send it again', async (_who, name, report) => {
  await say(name, report as StreamReport);
  expect(kept).toEqual([name]);
  // Whatever was waiting would be written now.
  online = false;
  await streams.stop();
  expect(await written()).toEqual([]);
});

test('each is believed for its own side: the target is what the portal that dialled says, whatever the other one claims', async () => {
  await say('a', { ...listening, target: '10.9.9.9:22' });
  expect(kept).toEqual([]);
  await say('b', { ...dialling, relay: 'other' as Name, source: '192.0.2.1:1' });
  await waitFor('both to be told', () => kept.length === 2);
  const detail = { pair: 'web', target: '10.0.0.5:80', relay: 'r', source: '127.0.0.1:50312', reportedBy: 'both' };
  expect(await written()).toMatchObject([{ action: 'stream.open', actor: portal('a'), detail }]);
});

test('without the other’s word its side stays open', async () => {
  await say('a', { ...listening, target: '10.9.9.9:22' });
  online = false;
  await streams.stop();
  expect(await written()).toMatchObject([{ detail: { target: null, reportedBy: 'from' } }]);
  expect(kept).toEqual(['a']);
});

test('what comes again is not written again', async () => {
  for (const round of [2, 4]) {
    await Promise.all([say('a', listening), say('b', dialling)]);
    await waitFor('both to be told', () => kept.length === round);
  }
  expect(await written()).toHaveLength(1);
});

test('a stream may end after its pair has gone', async () => {
  streams.learn([]);
  await Promise.all([say('a', listening), say('b', dialling)]);
  await waitFor('both to be told', () => kept.length === 2);
  expect(await written()).toMatchObject([{ subject: 'web' }]);
  expect(streams.nameOf(pairId)).toBe('web');
  expect(streams.nameOf('ffffffff-4455-4677-8899-000000000000' as PairId)).toBeUndefined();
});
