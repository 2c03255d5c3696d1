import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { limits, NetportError } from '@netport/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { datagramPaths, type Fate, type TestPath } from '../../testing/datagram-paths.js';
import { issue, newAuthority, spiffeId } from '../../testing/identities.js';
import { unavailable } from '../../testing/quic.js';
import { collect, until } from '../../testing/sockets.js';
import { contextOf, headOf } from '../../testing/tunnels.js';
import type { IncomingStream, Tunnel } from '../tunnel.js';
import { openQuicTunnel } from './open.js';

const authority = await newAuthority();
const [a, b] = [await issue(authority, spiffeId('a')), await issue(authority, spiffeId('b'))];

const made: Tunnel[] = [];
afterEach(() => {
  for (const tunnel of made.splice(0)) tunnel.close(new NetportError('draining', 'the test is over'));
});

interface Joined {
  client: Tunnel;
  server: Tunnel;
  paths: [TestPath, TestPath];
}

const echo = (stream: IncomingStream): void => {
  const { bytes } = stream.accept();
  bytes.pipe(bytes);
};

async function join(
  onStream: (stream: IncomingStream) => void,
  fate?: Fate,
  times?: { pingInterval: number; silence: number },
): Promise<Joined> {
  const paths = datagramPaths(fate);
  const common = {
    ...{ trust: { rootPems: [authority.rootPem] }, now: () => new Date(), onStream },
    onFlow: (flow: { accept(): unknown }) => void flow.accept(),
    ...(times && { times }),
  };
  const [client, server] = await Promise.all([
    openQuicTunnel({ ...common, path: paths[0], context: contextOf('client'), identity: a }),
    openQuicTunnel({ ...common, path: paths[1], context: contextOf('server'), identity: b }),
  ]);
  made.push(client, server);
  return { client, server, paths };
}

/** Deterministic and even enough (mulberry32). */
function randomness(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Five of a hundred are lost, two doubled, five come late. */
function rough(seed: number): Fate {
  const random = randomness(seed);
  return () => {
    const draw = random();
    const copies = draw < 0.05 ? 0 : draw < 0.07 ? 2 : 1;
    return { copies, overtaken: random() < 0.05 ? Math.ceil(random() * 10) : 0 };
  };
}

/** Both ends are in this process, and silent while it stands still: that must not be their end. */
const times = { pingInterval: 100, silence: 2000 };

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

describe.skipIf(unavailable)(`a QUIC tunnel${unavailable ? `: ${unavailable}` : ''}`, () => {
  it.each([1, 2, 3])('carries streams whole over a path that loses, doubles and reorders (seed %i)', async (seed) => {
    const { client } = await join(echo, rough(seed));
    await Promise.all(
      Array.from({ length: 20 }, async () => {
        const { bytes } = await client.openStream(headOf('tcp'));
        const payload = randomBytes(200_000);
        bytes.end(payload);
        expect(sha256(await collect(bytes))).toBe(sha256(payload));
      }),
    );
    await until(() => client.counters().streams === 0);
  });

  it.each([4, 5, 6])('ends and resets arrive over such a path, whichever side was first (seed %i)', async (seed) => {
    const far: Duplex[] = [];
    const { client, server } = await join((stream) => {
      const { bytes } = stream.accept();
      far.push(bytes);
      bytes.resume().write('hello');
    }, rough(seed));
    for (let i = 0; i < 40; i += 1) {
      const { bytes, reset } = await client.openStream(headOf('tcp'));
      bytes.resume();
      const other = far[i];
      const steps = [() => bytes.end(), () => other?.end(), () => reset.call(bytes), () => other?.destroy()];
      steps[i % 4]?.();
      await new Promise(setImmediate);
      steps[(i + 1) % 4]?.();
    }
    await until(() => client.counters().streams === 0 && server.counters().streams === 0);
  });

  it('carries more than all windows together, on many streams, past resets of streams that nobody read', async () => {
    let stalled = 0;
    const { client } = await join((stream) => {
      // Every other one is accepted and never read.
      stalled += 1;
      if (stalled % 2 === 0) stream.accept();
      else echo(stream);
    });
    for (let round = 0; round < 5; round += 1) {
      const [echoed, unread] = await Promise.all([client.openStream(headOf('tcp')), client.openStream(headOf('tcp'))]);
      unread.bytes.write(Buffer.alloc(limits.quicStreamWindowInitialBytes * 2));
      const payload = randomBytes(limits.streamWindowBytes);
      echoed.bytes.end(payload);
      expect(sha256(await collect(echoed.bytes))).toBe(sha256(payload));
      unread.reset();
    }
  });

  it('ends for the reason that its peer had, which is not that nothing gets through', async () => {
    const { client, server } = await join(echo);
    server.close(new NetportError('policy_denied', 'no access pair with this peer is left'));
    expect(await client.closed).toMatchObject({
      code: 'policy_denied',
      message: expect.stringContaining('no access pair'),
    });
  });

  it('is closed soon after its peer has vanished', async () => {
    const { client, server, paths } = await join(echo, undefined, times);
    const { bytes } = await client.openStream(headOf('tcp'));
    for (const path of paths) path.mute = true;
    await once(bytes, 'close');
    expect((await client.closed).code).toBe('tunnel_lost');
    expect((await server.closed).code).toBe('tunnel_lost');
    expect(paths.every(({ closed }) => closed)).toBe(true);
  });

  it('lives on while nothing is sent, for longer than silence is suffered', async () => {
    const { client, server } = await join(echo, undefined, times);
    const since = performance.now();
    await until(() => performance.now() - since > 1.5 * times.silence);
    expect(client.open && server.open).toBe(true);
  });

  it('closes its path with itself, and tells the peer why', async () => {
    const { client, server, paths } = await join(echo);
    client.close(new NetportError('cert_revoked', 'the certificate of the peer was revoked'));
    expect((await server.closed).message).toContain('cert_revoked');
    expect(paths.map(({ closed }) => closed)).toEqual([true, true]);
  });

  it('refuses streams with a head that is none', async () => {
    const { client } = await join(echo);
    await expect(client.openStream({ ...headOf('tcp'), source: 'no source\n' })).rejects.toMatchObject({
      code: 'protocol_error',
    });
    await until(() => client.counters().streams === 0);
  });
});
