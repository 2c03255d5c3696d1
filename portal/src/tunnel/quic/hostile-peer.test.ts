import { randomBytes } from 'node:crypto';
import { encodeQuicHead, encodeVarint, limits, NetportError } from '@netport/protocol';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { datagramPaths } from '../../testing/datagram-paths.js';
import { issue, newAuthority, spiffeId } from '../../testing/identities.js';
import { unavailable } from '../../testing/quic.js';
import { until } from '../../testing/sockets.js';
import { contextOf, headOf } from '../../testing/tunnels.js';
import type { Tunnel, TunnelFlow } from '../tunnel.js';
import { type Connection, quiche } from './binding.js';
import { quicConfig } from './config.js';
import { here, QuicDriver, there } from './driver.js';
import { openQuicTunnel } from './open.js';

const authority = await newAuthority();
const [a, b] = [await issue(authority, spiffeId('a')), await issue(authority, spiffeId('b'))];
const rootPems = [authority.rootPem];

const made: Tunnel[] = [];
afterEach(() => {
  for (const tunnel of made.splice(0)) tunnel.close(new NetportError('draining', 'the test is over'));
});

interface Hostile {
  /** Whose certificate is right, and who then does what a test wants. */
  quic: Connection;
  send(stream: number, bytes: Uint8Array, fin?: boolean): void;
  wake(): void;
  server: Tunnel;
  opened: string[];
  flows: TunnelFlow[];
}

async function meet(): Promise<Hostile> {
  const [near, far] = datagramPaths();
  const opened: string[] = [];
  const flows: TunnelFlow[] = [];
  const serving = openQuicTunnel({
    ...{ path: far, context: contextOf('server'), identity: b, trust: { rootPems }, now: () => new Date() },
    onStream: ({ head, accept }) => {
      opened.push(head.protocol);
      accept();
    },
    onFlow: ({ head, accept }) => {
      opened.push(head.protocol);
      flows.push(accept());
    },
  });
  const config = quicConfig({ role: 'client', identity: a, rootPems, silence: 5000, congestion: 'bbr' });
  const quic = quiche().Connection.connect(null, randomBytes(16), here, there, config);
  const driver = new QuicDriver(quic, near, { onTurn: () => {}, onDatagram: () => {}, onEnd: () => {} });
  near.onDatagrams = (packets) => driver.receive(packets);
  await until(() => quic.isEstablished());
  const send = (stream: number, bytes: Uint8Array, fin = false): void => {
    quic.streamSend(stream, bytes, fin);
    driver.wake();
  };
  send(2, Buffer.from('NPQ1'));
  const server = await serving;
  made.push(server);
  return { quic, send, wake: () => driver.wake(), server, opened, flows };
}

/** Proof that a tunnel still takes streams: one more, with an id that no test uses. */
async function expectAlive({ send, opened, server }: Hostile): Promise<void> {
  const before = opened.length;
  send(36_000, encodeQuicHead(headOf('tcp')));
  await until(() => opened.length > before);
  expect(server.open).toBe(true);
}

describe.skipIf(unavailable)(`a peer that means harm${unavailable ? `: ${unavailable}` : ''}`, () => {
  it('opens nothing with bytes that are no head', async () => {
    const hostile = await meet();
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(500), fc.uint8Array({ minLength: 1, maxLength: 100 }), fc.boolean())),
        async (writes) => {
          for (const [stream, bytes, fin] of writes) {
            try {
              hostile.send(stream * 4, bytes, fin);
            } catch {
              // The stream had ended already, by one of the two.
            }
          }
          await new Promise(setImmediate);
        },
      ),
      { numRuns: 50 },
    );
    expect(hostile.opened).toEqual([]);
    await expectAlive(hostile);
  });

  it('is told what was wrong with its head', async () => {
    const { quic, send } = await meet();
    send(0, encodeVarint(limits.streamHeadBytes + 1));
    const answer = Buffer.alloc(1000);
    const read = await until(() => quic.streamReadable(0) && quic.streamRecv(0, answer));
    expect(answer.subarray(0, read?.[0]).toString()).toContain('protocol_error');
  });

  it('does nothing with datagrams of flows that are none', async () => {
    const hostile = await meet();
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 1200 })), async (datagrams) => {
        for (const datagram of datagrams) hostile.quic.dgramSend(datagram);
        hostile.wake();
        await new Promise(setImmediate);
      }),
      { numRuns: 50 },
    );
    await expectAlive(hostile);
  });

  it('ends a flow with capsules that are none, and only the flow', async () => {
    const hostile = await meet();
    hostile.send(0, encodeQuicHead(headOf('udp')));
    const [flow] = await until(() => hostile.flows.length > 0 && hostile.flows);
    if (flow) flow.onDatagram = () => {};
    hostile.send(0, Buffer.concat([encodeVarint(0), encodeVarint(limits.datagramBytes + 100)]));
    await flow?.closed;
    await expectAlive(hostile);
  });

  it.each<[string, (hostile: Hostile) => void]>([
    ['floods the stream of notices', ({ send }) => send(2, Buffer.alloc(4096))],
    ['resets its stream of notices', ({ quic }) => void quic.streamShutdown(2, quiche().Shutdown.Write, 1)],
  ])('loses its tunnel when it %s', async (_what, act) => {
    const hostile = await meet();
    act(hostile);
    hostile.wake();
    expect((await hostile.server.closed).code).toBe('protocol_error');
  });

  it('loses no more than its stream when it stops and resets in any order', async () => {
    const hostile = await meet();
    const { Read, Write } = quiche().Shutdown;
    for (const [i, steps] of [[Read], [Write], [Read, Write], [Write, Read]].entries()) {
      hostile.send(i * 4, encodeQuicHead(headOf('tcp')));
      await until(() => hostile.opened.length > i);
      for (const step of steps) hostile.quic.streamShutdown(i * 4, step, 7);
      hostile.wake();
    }
    await until(() => hostile.server.counters().streams === 0);
    await expectAlive(hostile);
  });
});
