import { once } from 'node:events';
import { type ClientHttp2Stream, connect } from 'node:http2';
import { encodeDatagramCapsule, encodeStreamHead, encodeVarint, limits, NetportError } from '@netport/protocol';
import { afterEach, expect, it } from 'vitest';
import { until, withResolvers } from '../testing/sockets.js';
import { contextOf, headOf, securePair } from '../testing/tunnels.js';
import { openH2Tunnel } from './h2.js';
import type { Tunnel, TunnelFlow } from './tunnel.js';

const made: Tunnel[] = [];
afterEach(() => {
  for (const tunnel of made.splice(0)) tunnel.close(new NetportError('draining', 'the test is over'));
});

/** The portal's end of a flow, and a peer that speaks HTTP/2 but is none of ours. */
async function foreignPeer(): Promise<{ flow: TunnelFlow; stream: ClientHttp2Stream }> {
  const { near, far } = await securePair();
  const accepted = withResolvers<TunnelFlow>();
  const serving = openH2Tunnel({
    socket: far,
    context: contextOf('server'),
    onStream: () => {},
    onFlow: (flow) => accepted.resolve(flow.accept()),
  });
  const session = connect('https://portal.invalid', { createConnection: () => near });
  session.on('error', () => {});
  await once(session, 'remoteSettings');
  made.push(await serving);
  const stream = session.request(encodeStreamHead(headOf('udp')), { endStream: false });
  stream.on('error', () => {});
  const [answer] = await once(stream, 'response');
  expect(answer).toMatchObject({ ':status': 200, 'capsule-protocol': '?1' });
  return { flow: await accepted.promise, stream };
}

it('skips capsules of types that it does not know', async () => {
  const { flow, stream } = await foreignPeer();
  const got: string[] = [];
  flow.onDatagram = (datagram) => got.push(Buffer.from(datagram).toString());
  stream.write(Buffer.concat([encodeVarint(0x2028), encodeVarint(70_000), Buffer.alloc(70_000)]));
  stream.write(encodeDatagramCapsule(Buffer.from('after it')));
  await until(() => got.length > 0);
  expect(got).toEqual(['after it']);
});

it('resets the stream at a datagram that is too large, and the tunnel stays', async () => {
  const { flow, stream } = await foreignPeer();
  flow.onDatagram = () => {};
  stream.write(Buffer.concat([encodeVarint(0), encodeVarint(limits.datagramBytes + 100)]));
  await until(() => stream.destroyed);
  expect(stream.rstCode).not.toBe(0);
  await flow.closed;
  expect(made[0]?.open).toBe(true);
});

it('keeps a bounded queue for a peer that reads nothing', async () => {
  const { flow, stream } = await foreignPeer();
  stream.pause();
  const datagram = Buffer.alloc(60_000);
  let sent = 0;
  // The windows of HTTP/2 and of TCP fill first; from then on nothing leaves any more.
  await until(() => {
    for (let i = 0; i < 20; i += 1) flow.send(datagram);
    const before = sent;
    sent = flow.counters.datagramsSent;
    return before > 0 && sent === before;
  });
  expect(flow.counters.dropped).toBeGreaterThan(0);
  flow.close();
});
