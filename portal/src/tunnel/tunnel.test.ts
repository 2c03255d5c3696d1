import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { limits, NetportError } from '@netport/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { collect, until, withResolvers } from '../testing/sockets.js';
import { headOf, implementations, type TunnelPair } from '../testing/tunnels.js';
import type { IncomingStream, Tunnel, TunnelHandlers, TunnelStream } from './tunnel.js';

const head = () => headOf('tcp');

describe.each(implementations)('tunnel over %s', (_name, make) => {
  const made: Tunnel[] = [];
  afterEach(() => {
    for (const tunnel of made.splice(0)) tunnel.close(new NetportError('draining', 'the test is over'));
  });
  const start = async (onStream: TunnelHandlers['onStream']): Promise<TunnelPair> => {
    const pair = await make({ onStream, onFlow: (flow) => flow.reject('policy_denied', 'no flows here') });
    made.push(pair.client, pair.server);
    return pair;
  };
  /** One accepted stream, both ends. */
  const join = async (): Promise<TunnelPair & { near: TunnelStream; far: TunnelStream }> => {
    const accepted = withResolvers<TunnelStream>();
    const pair = await start((stream) => accepted.resolve(stream.accept()));
    const near = await pair.client.openStream(head());
    return { ...pair, near, far: await accepted.promise };
  };

  it('carries the head and bytes both ways', async () => {
    const incoming = withResolvers<IncomingStream>();
    const { client } = await start((stream) => {
      incoming.resolve(stream);
      const { bytes } = stream.accept();
      bytes.pipe(bytes);
    });
    const sent = head();
    const { bytes } = await client.openStream(sent);
    const payload = randomBytes(3_000_000);
    bytes.end(payload);
    expect((await collect(bytes)).equals(payload)).toBe(true);
    expect((await incoming.promise).head).toEqual(sent);
  });

  it('keeps half-close: the reply arrives whole after the request has ended', async () => {
    const { near, far } = await join();
    near.bytes.end('question');
    expect((await collect(far.bytes)).toString()).toBe('question');
    const reply = randomBytes(1_000_000);
    far.bytes.end(reply);
    expect((await collect(near.bytes)).equals(reply)).toBe(true);
  });

  it('keeps half-close when the far end ends first', async () => {
    const { near, far } = await join();
    far.bytes.end('greeting');
    expect((await collect(near.bytes)).toString()).toBe('greeting');
    near.bytes.end('late');
    expect((await collect(far.bytes)).toString()).toBe('late');
    await until(() => near.bytes.destroyed && far.bytes.destroyed);
  });

  it.each(['near', 'far'] as const)('carries a reset of the %s end as a reset', async (end) => {
    const joined = await join();
    const other = joined[end === 'near' ? 'far' : 'near'];
    other.bytes.resume();
    joined[end].reset();
    await once(other.bytes, 'close').catch(() => {});
    expect(other.broken).toBe(true);
  });

  it.each([
    ['reset by the near end', 'near', false],
    ['reset by the far end', 'far', false],
    ['closed with its tunnel by the near end', 'near', true],
    ['closed with its tunnel by the far end', 'far', true],
  ] as const)('never ends a stream that is %s with bytes in flight', async (_what, end, whole) => {
    const far: TunnelStream[] = [];
    const { client, server } = await start((stream) => far.push(stream.accept()));
    const near: TunnelStream[] = [];
    for (let i = 0; i < 64; i += 1) near.push(await client.openStream(head()));
    const [senders, receivers] = end === 'near' ? [near, far] : [far, near];
    const ends: number[] = [];
    for (const [i, { bytes }] of receivers.entries())
      bytes.on('end', () => receivers[i]?.broken || ends.push(i)).resume();
    for (const [i, stream] of senders.entries()) {
      const { bytes } = stream;
      // As the pump does: what it has read leaves with the next turn of the event loop.
      if (i % 2) bytes.cork();
      bytes.write(Buffer.alloc(1000 * i));
      if (!whole) stream.reset();
    }
    if (whole) (end === 'near' ? client : server).close(new NetportError('cert_revoked', 'revoked'));
    await until(() => receivers.every(({ bytes }) => bytes.destroyed));
    expect(ends).toEqual([]);
    expect(receivers.every(({ broken }) => broken)).toBe(true);
  });

  it('refuses with the code and the message that the peer gave', async () => {
    const { client } = await start((stream) => stream.reject('connect_refused', 'nobody there'));
    await expect(client.openStream(head())).rejects.toMatchObject({
      code: 'connect_refused',
      message: 'nobody there',
    });
    await until(() => client.counters().streams === 0);
  });

  it('tells the acceptor when the opener gave up', async () => {
    const incoming = withResolvers<IncomingStream>();
    const { client } = await start(incoming.resolve);
    const abandon = new AbortController();
    const opening = client.openStream(head(), abandon.signal);
    const { abandoned } = await incoming.promise;
    abandon.abort();
    await expect(opening).rejects.toMatchObject({ code: 'tunnel_lost' });
    await until(() => abandoned.aborted);
  });

  it('stops the writer at a reader that stalls, and the other streams run on', async () => {
    const streams: Duplex[] = [];
    const { client } = await start((stream) => {
      const { bytes } = stream.accept();
      streams.push(bytes);
      if (streams.length > 1) bytes.pipe(bytes);
    });
    const { bytes: stalled } = await client.openStream(head());
    const chunk = Buffer.alloc(1024 * 1024, 1);
    let written = 0;
    const write = (): void => {
      written += chunk.length;
      stalled.write(chunk, (error) => {
        if (!error) write();
      });
    };
    write();
    // No progress while another stream carries four times what the stalled one may have in flight.
    const { bytes } = await client.openStream(head());
    const payload = randomBytes(4 * limits.streamWindowBytes);
    bytes.end(payload);
    expect((await collect(bytes)).equals(payload)).toBe(true);
    expect(written).toBeLessThanOrEqual(limits.streamWindowBytes + 4 * chunk.length);
  });

  it('carries 200 streams at once without mixing them up', async () => {
    const { client } = await start((stream) => {
      const { bytes } = stream.accept();
      bytes.pipe(bytes);
    });
    await Promise.all(
      Array.from({ length: 200 }, async (_, i) => {
        const { bytes } = await client.openStream(head());
        const payload = Buffer.alloc(50_000 + i, String(i));
        bytes.end(payload);
        expect((await collect(bytes)).equals(payload)).toBe(true);
      }),
    );
    await until(() => client.counters().streams === 0);
  });

  it('carries more than the path holds in both directions at once', async () => {
    const { near, far } = await join();
    const payload = randomBytes(64 * 1024 * 1024);
    for (const { bytes } of [near, far])
      for (let at = 0; at < payload.length; at += 8_000_000) bytes.write(payload.subarray(at, at + 8_000_000));
    near.bytes.end();
    far.bytes.end();
    const [one, other] = await Promise.all([collect(near.bytes), collect(far.bytes)]);
    expect(one.equals(payload) && other.equals(payload)).toBe(true);
  });

  it.each(['client', 'server'] as const)(
    'drains from the %s: running streams finish, new ones are refused',
    async (side) => {
      const { near, far, ...pair } = await join();
      pair[side].drain();
      await until(() => !pair.client.open);
      await expect(pair.client.openStream(head())).rejects.toMatchObject({ code: 'draining' });
      near.bytes.end('still here');
      expect((await collect(far.bytes)).toString()).toBe('still here');
      far.bytes.end('and back');
      expect((await collect(near.bytes)).toString()).toBe('and back');
      expect((await pair.client.closed).code).toBe('draining');
      await pair.server.closed;
    },
  );

  it('carries out more resets than an HTTP/2 server takes, each at once and at both ends', async () => {
    const far: TunnelStream[] = [];
    const { client, server } = await start((stream) => far.push(stream.accept()));
    for (let round = 0; round < 20; round += 1) {
      const streams = await Promise.all(Array.from({ length: 100 }, () => client.openStream(head())));
      for (const stream of streams) stream.reset();
    }
    await until(() => client.counters().streams === 0 && server.counters().streams === 0);
    expect(far).toHaveLength(2000);
    expect(far.every(({ broken }) => broken)).toBe(true);
    const { bytes } = await client.openStream(head());
    expect(client.open && !bytes.destroyed).toBe(true);
    client.drain();
    bytes.end();
    far.at(-1)?.bytes.resume().end();
    bytes.resume();
    expect((await client.closed).code).toBe('draining');
    await server.closed;
  });

  it.each(['client', 'server'] as const)('close of the %s resets every stream at both ends', async (side) => {
    const { near, far, ...pair } = await join();
    pair[side].close(new NetportError('cert_revoked', 'revoked'));
    await until(() => near.bytes.destroyed && far.bytes.destroyed);
    expect((await pair[side].closed).code).toBe('cert_revoked');
    expect(near.broken && far.broken).toBe(true);
    await pair[side === 'client' ? 'server' : 'client'].closed;
  });
});
