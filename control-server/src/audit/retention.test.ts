import { limits, type TrustDomain } from '@netport/protocol';
import { afterEach, expect, test, vi } from 'vitest';
import { silent, startTestServer, temporaryDirectory, waitFor } from '../../test/harness.js';
import { memoryAuthority } from '../../test/memory-authority.js';
import { auditEvent, queryAudit } from '../state/audit.js';
import type { StateContext } from '../state/context.js';
import { openStore } from '../store/open-store.js';
import { keepRetention } from './retention.js';

const day = 86_400_000;
const trustDomain = 'example.org' as TrustDomain;
const closers: (() => unknown)[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const close of closers.splice(0).reverse()) await close();
});

test('old events go at the start, and from time to time; what is young stays', async () => {
  const directory = await temporaryDirectory();
  closers.push(() => directory.remove());
  let now = new Date('2030-01-01T00:00:00Z');
  const store = await openStore(`file:${directory.path}/state.db`, () => now);
  closers.push(() => store.close());
  const authority = await memoryAuthority(trustDomain, now);
  const context: StateContext = {
    ...{ store, authority, trustDomain, publicUrl: 'https://control.example.org' },
    ...{ now: () => now, onAudit: () => {} },
  };
  const write = (action: string) =>
    auditEvent(context, { name: 'token:admin', origin: null }, { action, subject: null });
  const actions = async () => (await queryAudit(context, { limit: 100 })).items.map(({ action }) => action).reverse();

  await write('first');
  now = new Date(now.getTime() + 5 * day);
  await write('second');
  now = new Date(now.getTime() + 6 * day);
  await write('third');
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const stop = keepRetention({ context, retention: 10 * day, log: silent });
  await waitFor('the first to go', async () => !(await actions()).includes('first'));
  expect(await actions()).toEqual(['second', 'third', 'audit.prune']);

  now = new Date(now.getTime() + 5 * day);
  vi.advanceTimersByTime(limits.auditPruneInterval);
  await waitFor('the second to go', async () => !(await actions()).includes('second'));
  expect(await actions()).toEqual(['third', 'audit.prune', 'audit.prune']);

  await stop();
  now = new Date(now.getTime() + 50 * day);
  vi.advanceTimersByTime(limits.auditPruneInterval);
  expect(await actions()).toEqual(['third', 'audit.prune', 'audit.prune']);
});

test('a control server that is told to keep events for so long does so when it starts', async () => {
  const directory = await temporaryDirectory();
  closers.push(() => directory.remove());
  const first = await startTestServer({ data: directory.path, now: () => new Date(Date.now() - 1.5 * day) });
  await first.api('POST', '/portals', { name: 'old' });
  await first.stop();

  const second = await startTestServer({ data: directory.path, auditRetention: day });
  closers.push(() => second.stop());
  const listed = async () =>
    (await second.http('GET', '/api/v1/audit', { headers: { authorization: `Bearer ${first.token}` } })).json;
  const { items } = await waitFor('the removal', async () => {
    const answer = await listed();
    return answer.items.some(({ action }: { action: string }) => action === 'audit.prune') && answer;
  });
  expect(items.map(({ action }: { action: string }) => action)).not.toContain('portal.add');
});
