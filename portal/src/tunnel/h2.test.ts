import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { circuitIdSchema, NetportError } from '@netport/protocol';
import { expect, it } from 'vitest';
import { secure } from '../path/secure.js';
import { issue, newAuthority, spiffeId } from '../testing/identities.js';
import { socketPair } from '../testing/sockets.js';
import { openH2Tunnel } from './h2.js';
import type { TunnelContext } from './tunnel.js';

const authority = await newAuthority();
const a = await issue(authority, spiffeId('a'));
const b = await issue(authority, spiffeId('b'));
const context = (role: 'client' | 'server'): TunnelContext => ({
  peer: role === 'client' ? b.id : a.id,
  serial: '01',
  role,
  transport: 'tcp',
  relay: 'r1',
  circuitId: circuitIdSchema.parse(randomUUID()),
});

/** Both ends of a TLS session through a middle that can go mute: it neither reads nor closes, as a vanished relay. */
async function securePair(): Promise<[TLSSocket, TLSSocket, () => void]> {
  const [near, one] = await socketPair(false);
  const [far, other] = await socketPair(false);
  one.pipe(other).pipe(one);
  const common = { trust: { rootPems: [authority.rootPem] }, now: () => new Date() };
  const ends = await Promise.all([
    secure({ ...common, socket: near, role: 'client', identity: a, peer: b.id }),
    secure({ ...common, socket: far, role: 'server', identity: b, peer: a.id }),
  ]);
  const mute = (): void => {
    one.unpipe(other).pause();
    other.unpipe(one).pause();
  };
  return [ends[0].socket, ends[1].socket, mute];
}

it('finds a peer that went silent without closing', async () => {
  const [near, far, mute] = await securePair();
  const handlers = { onStream: () => {}, onFlow: () => {} };
  const times = { pingInterval: 20, silence: 200 };
  const [client, server] = await Promise.all([
    openH2Tunnel({ socket: near, context: context('client'), ...handlers, times }),
    openH2Tunnel({ socket: far, context: context('server'), ...handlers, times }),
  ]);
  expect(client.open).toBe(true);
  mute();
  expect((await client.closed).code).toBe('tunnel_lost');
  expect((await server.closed).code).toBe('tunnel_lost');
});

it('measures the round trip', async () => {
  const [near, far] = await securePair();
  const handlers = { onStream: () => {}, onFlow: () => {} };
  const times = { pingInterval: 20, silence: 5000 };
  const [client, server] = await Promise.all([
    openH2Tunnel({ socket: near, context: context('client'), ...handlers, times }),
    openH2Tunnel({ socket: far, context: context('server'), ...handlers }),
  ]);
  await expect.poll(() => client.counters().rttMs).toBeGreaterThan(0);
  client.close(new NetportError('draining', 'the test is over'));
  await server.closed;
});

it.each([
  ['GET', { ':method': 'GET', ':path': '/', ':scheme': 'https', ':authority': 'x' }],
  ['CONNECT to a host', { ':method': 'CONNECT', ':authority': 'example.org:80' }],
  [
    'CONNECT without its source',
    { ':method': 'CONNECT', ':authority': `${randomUUID()}:0`, 'netport-protocol': 'tcp' },
  ],
])('refuses %s as no stream head', async (_case, fields) => {
  const [near, far] = await securePair();
  const opened: unknown[] = [];
  const handlers = { onStream: (stream: unknown) => opened.push(stream), onFlow: (flow: unknown) => opened.push(flow) };
  const serving = openH2Tunnel({ socket: far, context: context('server'), ...handlers });
  const session = connect('https://portal.invalid', { createConnection: () => near });
  const request = session.request(fields);
  const [answer] = await once(request, 'response');
  expect(answer).toMatchObject({ ':status': 400, 'netport-code': 'protocol_error' });
  expect(opened).toEqual([]);
  session.destroy();
  await (await serving).closed;
});

it('does not take a session before the peer speaks HTTP/2', async () => {
  const [near, far] = await securePair();
  const opening = openH2Tunnel({ socket: near, context: context('client'), onStream: () => {}, onFlow: () => {} });
  far.destroy();
  await expect(opening).rejects.toMatchObject({ code: 'tunnel_failed' });
});
