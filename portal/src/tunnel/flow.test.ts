import { randomBytes } from 'node:crypto';
import { limits, NetportError } from '@netport/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { until, withResolvers } from '../testing/sockets.js';
import { headOf, implementations, type TunnelPair } from '../testing/tunnels.js';
import type { IncomingFlow, Tunnel, TunnelFlow, TunnelHandlers } from './tunnel.js';

const head = () => headOf('udp');

describe.each(implementations)('flow over %s', (_name, make) => {
  const made: Tunnel[] = [];
  afterEach(() => {
    for (const tunnel of made.splice(0)) tunnel.close(new NetportError('draining', 'the test is over'));
  });
  const start = async (onFlow: TunnelHandlers['onFlow']): Promise<TunnelPair> => {
    const pair = await make({ onFlow, onStream: (stream) => stream.reject('policy_denied', 'no streams here') });
    made.push(pair.client, pair.server);
    return pair;
  };
  /** One accepted flow, both ends, and what each of them got. */
  const join = async () => {
    const accepted = withResolvers<TunnelFlow>();
    const pair = await start((flow) => accepted.resolve(flow.accept()));
    const near = await pair.client.openFlow(head());
    const far = await accepted.promise;
    const got = { near: [] as Buffer[], far: [] as Buffer[] };
    near.onDatagram = (datagram) => got.near.push(Buffer.from(datagram));
    far.onDatagram = (datagram) => got.far.push(Buffer.from(datagram));
    return { ...pair, near, far, got };
  };

  it('carries the head, and datagrams of every size whole, both ways', async () => {
    const incoming = withResolvers<IncomingFlow>();
    const { client } = await start((asked) => {
      incoming.resolve(asked);
      const flow = asked.accept();
      flow.onDatagram = (datagram) => flow.send(datagram);
    });
    const sent = head();
    const flow = await client.openFlow(sent);
    expect((await incoming.promise).head).toEqual(sent);
    const got: Buffer[] = [];
    flow.onDatagram = (datagram) => got.push(Buffer.from(datagram));
    const payloads = [0, 1, 62, 63, 64, 1200, 9012, 16_383, 65_507, limits.datagramBytes].map((size) =>
      randomBytes(size),
    );
    for (const payload of payloads) {
      const before = got.length;
      flow.send(payload);
      await until(() => got.length > before);
    }
    expect(got.map((datagram, i) => payloads[i]?.equals(datagram))).toEqual(payloads.map(() => true));
    const bytes = payloads.reduce((sum, { length }) => sum + length, 0);
    expect(flow.counters).toEqual({
      datagramsSent: payloads.length,
      datagramsReceived: payloads.length,
      bytesSent: bytes,
      bytesReceived: bytes,
      dropped: 0,
    });
  });

  it('drops and counts what is no datagram of UDP', async () => {
    const { near, far, got } = await join();
    near.send(Buffer.alloc(limits.datagramBytes + 1));
    near.send(Buffer.from('fits'));
    await until(() => got.far.length === 1);
    expect(near.counters).toMatchObject({ datagramsSent: 1, dropped: 1 });
    expect(far.counters).toMatchObject({ datagramsReceived: 1, dropped: 0 });
  });

  it('never waits: a burst is sent or dropped, and what is dropped is counted', async () => {
    const { near, far } = await join();
    const burst = 20_000;
    const datagram = randomBytes(1200);
    for (let i = 0; i < burst; i += 1) near.send(datagram);
    const { datagramsSent, dropped } = near.counters;
    expect(datagramsSent + dropped).toBe(burst);
    await until(() => far.counters.datagramsReceived > 0);
    expect(far.counters.datagramsReceived).toBeLessThanOrEqual(datagramsSent);
  });

  it.each(['near', 'far'] as const)('ends at both ends when the %s end closes', async (end) => {
    const { client, near, far, ...joined } = await join();
    const closing = end === 'near' ? near : far;
    closing.close();
    await Promise.all([near.closed, far.closed]);
    closing.send(Buffer.from('late'));
    expect(closing.counters).toMatchObject({ datagramsSent: 0, dropped: 1 });
    await until(() => client.counters().streams === 0 && joined.server.counters().streams === 0);
  });

  it('refuses with the code and the message that the peer gave', async () => {
    const { client } = await start((flow) => flow.reject('dns_failed', 'no such name'));
    await expect(client.openFlow(head())).rejects.toMatchObject({ code: 'dns_failed', message: 'no such name' });
    await until(() => client.counters().streams === 0);
  });

  it('takes no stream for a flow, and no flow for a stream', async () => {
    const { client } = await start((flow) => flow.accept());
    await expect(client.openStream(headOf('tcp'))).rejects.toMatchObject({ code: 'policy_denied' });
  });

  it('tells the acceptor when the opener gave up', async () => {
    const incoming = withResolvers<IncomingFlow>();
    const { client } = await start(incoming.resolve);
    const abandon = new AbortController();
    const opening = client.openFlow(head(), abandon.signal);
    const { abandoned } = await incoming.promise;
    abandon.abort();
    await expect(opening).rejects.toMatchObject({ code: 'tunnel_lost' });
    await until(() => abandoned.aborted);
  });

  it('keeps flows apart', async () => {
    const { client } = await start((asked) => {
      const flow = asked.accept();
      flow.onDatagram = (datagram) => flow.send(datagram);
    });
    await Promise.all(
      Array.from({ length: 100 }, async (_, i) => {
        const flow = await client.openFlow(head());
        const got: string[] = [];
        flow.onDatagram = (datagram) => got.push(Buffer.from(datagram).toString());
        flow.send(Buffer.from(`flow ${i}`));
        await until(() => got.length > 0);
        expect(got).toEqual([`flow ${i}`]);
      }),
    );
  });

  it('runs on while its tunnel drains, which ends with it', async () => {
    const { client, near, got } = await join();
    client.drain();
    near.send(Buffer.from('still here'));
    await until(() => got.far.length === 1);
    near.close();
    expect((await client.closed).code).toBe('draining');
  });

  it.each(['client', 'server'] as const)('ends with its tunnel, closed at the %s', async (side) => {
    const { near, far, ...pair } = await join();
    pair[side].close(new NetportError('cert_revoked', 'revoked'));
    await Promise.all([near.closed, far.closed]);
    near.send(Buffer.from('late'));
    expect(near.counters.dropped).toBe(1);
  });
});
