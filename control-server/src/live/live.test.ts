import { limits } from '@netport/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connectPortal, openLive, startTestServer, type TestServer } from '../../test/harness.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

const watch = () => openLive(server, { authorization: `Bearer ${server.token}` });

test('a watcher gets the overview, then what changes, and each audit event once', async () => {
  const live = await watch();
  expect(await live.next('overview')).toMatchObject({ portals: [], relays: [], pairs: { total: 0, active: 0 } });
  const identities = [await server.join('portal', 'a'), await server.join('portal', 'b')];
  expect(await live.next('overview', ({ portals }) => portals.length === 2)).toMatchObject({
    portals: [
      { name: 'a', online: false },
      { name: 'b', online: false },
    ],
  });

  const sessions = [];
  for (const identity of identities) sessions.push(await connectPortal(server, identity));
  await live.next('overview', ({ portals }) => portals.every(({ online }) => online));
  const side = (portal: string) => ({ portal, address: '127.0.0.1', port: 80 });
  await server.api('POST', '/pairs', { name: 'web', from: side('a'), to: side('b') });
  expect((await live.next('overview', ({ pairs }) => pairs.total === 1)).pairs).toEqual({ total: 1, active: 1 });
  expect(await live.next('audit')).toMatchObject({ action: 'pair.add', subject: 'web' });
  expect((await live.next('changed')).what).toEqual(['pairs']);

  sessions[1]?.socket.close();
  expect((await live.next('overview', ({ pairs }) => pairs.active === 0)).portals).toEqual([
    { name: 'a', online: true },
    { name: 'b', online: false },
  ]);
  expect((await live.next('changed')).what).toEqual(['portals', 'pairs']);
  live.close();
});

test('traffic comes again and again', async () => {
  const live = await watch();
  const first = await live.next('traffic');
  expect(first).toMatchObject({ tunnels: [], streams: [], totals: { bytesSent: 0, bytesReceived: 0, streams: 0 } });
  expect((await live.next('traffic')).at > first.at).toBe(true);
  live.close();
});

test('a stream ends when its session does', async () => {
  const { headers } = await server.http('POST', '/api/v1/session', {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token: server.token }),
  });
  const cookie = /^[^;]+/.exec(String(headers['set-cookie']))?.[0] ?? '';
  const live = await openLive(server, { cookie });
  await live.next('overview');
  await server.http('DELETE', '/api/v1/session', { headers: { cookie, 'sec-fetch-site': 'same-origin' } });
  await live.ended();
});

test('nobody watches without signing in, and not more than so many do', async () => {
  await expect(openLive(server, {})).rejects.toThrow('401');
  const streams = await Promise.all(Array.from({ length: limits.liveWatchers }, watch));
  await expect(watch()).rejects.toThrow('429');
  for (const stream of streams) stream.close();
});

test('streams end with the server', async () => {
  const own = await startTestServer();
  const live = await openLive(own, { authorization: `Bearer ${own.token}` });
  await live.next('overview');
  await own.stop();
  await live.ended();
});
