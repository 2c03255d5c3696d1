import { randomBytes } from 'node:crypto';
import { parseCrl, type Trust } from '@netport/pki';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { datagramPaths, type TestPath } from '../../testing/datagram-paths.js';
import { issue, newAuthority, spiffeId, type TestIdentity } from '../../testing/identities.js';
import { unavailable } from '../../testing/quic.js';
import { until } from '../../testing/sockets.js';
import { contextOf } from '../../testing/tunnels.js';
import type { Tunnel } from '../tunnel.js';
import { quiche } from './binding.js';
import { alpn } from './config.js';
import { here, QuicDriver, there } from './driver.js';
import { openQuicTunnel } from './open.js';

const authority = await newAuthority();
const foreign = await newAuthority();
const [a, b] = [await issue(authority, spiffeId('a')), await issue(authority, spiffeId('b'))];
const trust: Trust = { rootPems: [authority.rootPem] };

/** Trusts nobody less than `trust` does, but for one. */
async function revoking({ serial }: TestIdentity): Promise<Trust> {
  const der = await authority.crl({ revoked: [{ serial, revokedAt: new Date() }], number: 1, now: new Date() });
  return { ...trust, revocations: parseCrl(der, [authority.rootPem, authority.issuerPem]) };
}

interface End {
  identity?: TestIdentity;
  trust?: Trust;
  timeout?: number;
}

interface Opened {
  client: PromiseSettledResult<Tunnel>;
  server: PromiseSettledResult<Tunnel>;
  /** Streams that the server heard of. */
  streams: number;
}

/** Opens both ends of a path. What it opened is closed again. */
async function open(ends: { client?: End; server?: End }, [near, far] = datagramPaths()): Promise<Opened> {
  let streams = 0;
  const count = (): void => {
    streams += 1;
  };
  const common = {
    now: () => new Date(),
    trust,
    onStream: count,
    onFlow: count,
  };
  const [client, server] = await Promise.allSettled([
    openQuicTunnel({ ...common, path: near, context: contextOf('client'), identity: a, ...ends.client }),
    openQuicTunnel({ ...common, path: far, context: contextOf('server'), identity: b, ...ends.server }),
  ]);
  for (const end of [client, server]) if (end.status === 'fulfilled') end.value.drain();
  return { client, server, streams };
}

const failed = (code: string) => ({ status: 'rejected', reason: expect.objectContaining({ code }) });

describe.skipIf(unavailable)(`QUIC between portals${unavailable ? `: ${unavailable}` : ''}`, () => {
  it('comes up, each side with the serial of the other', async () => {
    const { client, server } = await open({});
    expect(client).toMatchObject({ value: { context: { serial: b.serial, transport: 'quic' } } });
    expect(server).toMatchObject({ value: { context: { serial: a.serial, transport: 'quic' } } });
  });

  describe.each([
    ['client', 'server', 'b', 'relay'],
    ['server', 'client', 'a', 'control'],
  ] as const)('the %s', (side, other, name, unfit) => {
    const expectRefusal = (opened: Opened, code: string): void => {
      expect(opened[side]).toMatchObject(failed(code));
      expect(opened[other].status).toBe('rejected');
      expect(opened.streams).toBe(0);
    };

    it.each<[string, () => Promise<TestIdentity>, string]>([
      ['a portal of another CA', () => issue(foreign, spiffeId(name)), 'cert_untrusted'],
      ['another portal of the same CA', () => issue(authority, spiffeId('c')), 'cert_wrong_name'],
      ['one that is not for its side of TLS', () => issue(authority, spiffeId(name, unfit)), 'cert_wrong_usage'],
      ['an expired certificate', () => issue(authority, spiffeId(name), new Date(0)), 'cert_expired'],
    ])('refuses %s before any stream, and the other end hears of it', async (_case, identity, code) => {
      expectRefusal(await open({ [other]: { identity: await identity() } }), code);
    });

    it('refuses a revoked certificate before any stream, and the other end hears of it', async () => {
      expectRefusal(await open({ [side]: { trust: await revoking(side === 'client' ? b : a) } }), 'cert_revoked');
    });
  });

  it('refuses a client without a certificate', async () => {
    const [near, far] = datagramPaths();
    const serving = openQuicTunnel({
      ...{ path: far, context: contextOf('server'), identity: b, trust, now: () => new Date() },
      onStream: () => expect.fail('a stream'),
      onFlow: () => expect.fail('a flow'),
    });
    const quic = connect(near, (config) => config);
    await expect(serving).rejects.toMatchObject({ code: 'cert_missing' });
    await until(() => quic.isDraining() || quic.isClosed());
  });

  it('gives up when nobody answers', async () => {
    const { client, server } = await open({ client: { timeout: 50 }, server: { timeout: 50 } }, mute());
    expect([client, server]).toMatchObject([failed('tunnel_failed'), failed('tunnel_failed')]);
  });

  it('comes up through garbage, and stays up', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(garbage, { maxLength: 50 }), async (packets) => {
        const [near, far] = datagramPaths();
        for (const path of [near, far]) for (const packet of packets) path.inject(packet);
        const common = { now: () => new Date(), trust, onStream: () => {}, onFlow: () => {} };
        const [client, server] = await Promise.all([
          openQuicTunnel({ ...common, path: near, context: contextOf('client'), identity: a }),
          openQuicTunnel({ ...common, path: far, context: contextOf('server'), identity: b }),
        ]);
        for (const path of [near, far]) for (const packet of packets) path.inject(packet);
        client.drain();
        expect((await client.closed).code).toBe('draining');
        expect((await server.closed).code).toBe('draining');
      }),
      { numRuns: 30 },
    );
  });
});

/** Datagrams that a relay could make up: noise, noise with a header of QUIC, a bare version negotiation. */
const garbage = fc.oneof(
  fc.uint8Array({ maxLength: 1400 }),
  fc.uint8Array({ minLength: 20, maxLength: 1400 }).map((bytes) => {
    bytes[0] = 0x40 | (bytes[0] ?? 0);
    return bytes.subarray();
  }),
  fc.uint8Array({ minLength: 60, maxLength: 1400 }).map((bytes) => {
    // A handshake packet of version 1 for nobody.
    bytes.set([0xe0, 0, 0, 0, 1, 16]);
    return bytes;
  }),
);

function mute(): [TestPath, TestPath] {
  const paths = datagramPaths();
  for (const path of paths) path.mute = true;
  return paths;
}

/** A client that is none of ours. */
function connect(path: TestPath, change: (config: InstanceType<ReturnType<typeof quiche>['Config']>) => unknown) {
  const config = quiche().Config.withBoringSslCtx(true, false, Buffer.from(authority.rootPem));
  config.setApplicationProtos([alpn]);
  change(config);
  const quic = quiche().Connection.connect(null, randomBytes(16), here, there, config);
  const driver = new QuicDriver(quic, path, { onTurn: () => {}, onDatagram: () => {}, onEnd: () => {} });
  path.onDatagrams = (packets) => driver.receive(packets);
  return quic;
}
