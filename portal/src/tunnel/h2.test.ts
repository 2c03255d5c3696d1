import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:http2';
import { NetportError } from '@netport/protocol';
import { expect, it } from 'vitest';
import { withResolvers } from '../testing/sockets.js';
import { contextOf, headOf, securePair } from '../testing/tunnels.js';
import { openH2Tunnel } from './h2.js';
import type { TunnelHandlers, TunnelStream } from './tunnel.js';

it('finds a peer that went silent without closing', async () => {
  const { near, far, mute } = await securePair();
  const handlers = { onStream: () => {}, onFlow: () => {} };
  const times = { pingInterval: 20, silence: 1000 };
  const [client, server] = await Promise.all([
    openH2Tunnel({ socket: near, context: contextOf('client'), ...handlers, times }),
    openH2Tunnel({ socket: far, context: contextOf('server'), ...handlers, times }),
  ]);
  expect(client.open).toBe(true);
  mute();
  expect((await client.closed).code).toBe('tunnel_lost');
  expect((await server.closed).code).toBe('tunnel_lost');
});

it.each(['end', 'resetAndDestroy'] as const)('breaks the streams of a connection that goes by %s', async (how) => {
  for (const size of [1, 1000, 100_000, 1_000_000]) {
    const { near, far, sever } = await securePair();
    const accepted = withResolvers<TunnelStream>();
    const handlers: TunnelHandlers = { onStream: (stream) => accepted.resolve(stream.accept()), onFlow: () => {} };
    const [client] = await Promise.all([
      openH2Tunnel({ socket: near, context: contextOf('client'), ...handlers }),
      openH2Tunnel({ socket: far, context: contextOf('server'), ...handlers }),
    ]);
    const stream = await client.openStream(headOf('tcp'));
    const sender = await accepted.promise;
    const ends: boolean[] = [];
    stream.bytes.on('end', () => ends.push(stream.broken));
    const closed = new Promise((resolve) => stream.bytes.once('close', resolve));
    // Paused until now: the end may be there before the bytes are read.
    stream.bytes.once('readable', () => {
      sever(how);
      stream.bytes.resume();
    });
    sender.bytes.write(Buffer.alloc(size));
    await closed;
    expect(stream.broken).toBe(true);
    expect(ends).not.toContain(false);
  }
});

it('measures the round trip', async () => {
  const { near, far } = await securePair();
  const handlers = { onStream: () => {}, onFlow: () => {} };
  const times = { pingInterval: 20, silence: 5000 };
  const [client, server] = await Promise.all([
    openH2Tunnel({ socket: near, context: contextOf('client'), ...handlers, times }),
    openH2Tunnel({ socket: far, context: contextOf('server'), ...handlers }),
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
  const { near, far } = await securePair();
  const opened: unknown[] = [];
  const handlers = { onStream: (stream: unknown) => opened.push(stream), onFlow: (flow: unknown) => opened.push(flow) };
  const serving = openH2Tunnel({ socket: far, context: contextOf('server'), ...handlers });
  const session = connect('https://portal.invalid', { createConnection: () => near });
  const request = session.request(fields);
  const [answer] = await once(request, 'response');
  expect(answer).toMatchObject({ ':status': 400, 'netport-code': 'protocol_error' });
  expect(opened).toEqual([]);
  session.destroy();
  await (await serving).closed;
});

it('does not take a session before the peer speaks HTTP/2', async () => {
  const { near, far } = await securePair();
  const opening = openH2Tunnel({ socket: near, context: contextOf('client'), onStream: () => {}, onFlow: () => {} });
  far.destroy();
  await expect(opening).rejects.toMatchObject({ code: 'tunnel_failed' });
});

it('is closed at once, though the connection takes nothing of what waits to be written', async () => {
  const { near, far, mute } = await securePair();
  const accepted = withResolvers<TunnelStream>();
  const handlers: TunnelHandlers = { onStream: (stream) => accepted.resolve(stream.accept()), onFlow: () => {} };
  // Silence is no way out here.
  const times = { pingInterval: 600_000, silence: 3_600_000 };
  const [client, server] = await Promise.all([
    openH2Tunnel({ socket: near, context: contextOf('client'), ...handlers, times }),
    openH2Tunnel({ socket: far, context: contextOf('server'), ...handlers, times }),
  ]);
  const stream = await client.openStream(headOf('tcp'));
  const reader = await accepted.promise;
  reader.bytes.resume();
  mute();
  const chunk = Buffer.alloc(1024 * 1024);
  while (stream.bytes.write(chunk) || stream.bytes.writableLength < 32 * chunk.length);
  await expect.poll(() => near.bytesWritten).toBeGreaterThan(1024 * 1024);
  client.close(new NetportError('cert_revoked', 'the certificate of the peer was revoked'));
  expect((await client.closed).code).toBe('cert_revoked');
  server.close(new NetportError('draining', 'the test is over'));
});
