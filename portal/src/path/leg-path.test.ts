import { createHash, randomBytes } from 'node:crypto';
import { type CircuitId, NetportError } from '@netport/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { type DatagramRelay, datagramRelay } from '../testing/datagram-relay.js';
import { issue, newAuthority, spiffeId } from '../testing/identities.js';
import { unavailable } from '../testing/quic.js';
import { collect, until } from '../testing/sockets.js';
import { contextOf, headOf } from '../testing/tunnels.js';
import { openQuicTunnel } from '../tunnel/quic/open.js';
import type { IncomingStream, Tunnel } from '../tunnel/tunnel.js';
import { bindLegPath, type LegPath } from './leg-path.js';

const authority = await newAuthority();
const [a, b] = [await issue(authority, spiffeId('a')), await issue(authority, spiffeId('b'))];
const [first, second] = [1, 2].map((n) => `00000000-0000-4000-8000-00000000000${n}` as CircuitId) as [
  CircuitId,
  CircuitId,
];
const timeout = 5000;

const relays: DatagramRelay[] = [];
const tunnels: Tunnel[] = [];
afterEach(async () => {
  for (const tunnel of tunnels.splice(0)) tunnel.close(new NetportError('draining', 'the test is over'));
  await Promise.all(relays.splice(0).map((relay) => relay.close()));
});

async function relayOf(circuitId: CircuitId, lose?: () => boolean): Promise<DatagramRelay> {
  const relay = await datagramRelay(circuitId, `relay of ${circuitId}`, lose);
  relays.push(relay);
  return relay;
}

/** Both ends' paths over one relay. */
const paths = ({ offers }: DatagramRelay): Promise<[LegPath, LegPath]> =>
  Promise.all([bindLegPath(offers[0], timeout), bindLegPath(offers[1], timeout)]);

const moveTo = ({ offers }: DatagramRelay, [one, other]: [LegPath, LegPath]): Promise<unknown> =>
  Promise.all([one.moveTo(offers[0], { timeout }), other.moveTo(offers[1], { timeout })]);

async function join([one, other]: [LegPath, LegPath], onStream: (stream: IncomingStream) => void): Promise<Tunnel> {
  const trust = { rootPems: [authority.rootPem] };
  const common = { trust, now: () => new Date(), onStream, onFlow: () => {} };
  const made = await Promise.all([
    openQuicTunnel({ ...common, path: one, context: contextOf('client'), identity: a }),
    openQuicTunnel({ ...common, path: other, context: contextOf('server'), identity: b }),
  ]);
  tunnels.push(...made);
  return made[0];
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const lost = (path: LegPath): Promise<void> =>
  new Promise((resolve) => {
    path.onLost = resolve;
  });

describe.skipIf(unavailable)(`a tunnel over a path of legs${unavailable ? ` (skipped: ${unavailable})` : ''}`, () => {
  it.each([
    ['its machine is gone', (relay: DatagramRelay) => relay.vanish()],
    ['its process is gone', (relay: DatagramRelay) => void relay.close()],
  ])('goes on over another relay, losses or not, when one is lost because %s', async (_why, end) => {
    let count = 0;
    const oneOfFifty = (): boolean => ++count % 50 === 0;
    const relay = await relayOf(first, oneOfFifty);
    const ends = await paths(relay);
    let got = 0;
    let ended = false;
    const client = await join(ends, ({ accept }) => {
      const { bytes } = accept();
      bytes.on('data', (chunk: Buffer) => {
        got += chunk.length;
        // In the middle of both directions.
        if (got > 1_000_000 && !ended) end(relay);
        ended ||= got > 1_000_000;
      });
      bytes.pipe(bytes);
    });
    const payload = randomBytes(4_000_000);
    const { bytes } = await client.openStream(headOf('tcp'));
    const echoed = collect(bytes);
    bytes.end(payload);
    await Promise.all(ends.map(lost));
    await moveTo(await relayOf(second, oneOfFifty), ends);
    expect(sha256(await echoed)).toBe(sha256(payload));
  });

  it('does not notice that a living relay was left', async () => {
    const ends = await paths(await relayOf(first));
    const client = await join(ends, ({ accept }) => {
      const { bytes } = accept();
      bytes.pipe(bytes);
    });
    const payload = randomBytes(8_000_000);
    const { bytes } = await client.openStream(headOf('tcp'));
    const echoed = collect(bytes);
    bytes.end(payload);
    await until(() => client.counters().bytesReceived > 1_000_000);
    await moveTo(await relayOf(second), ends);
    expect(sha256(await echoed)).toBe(sha256(payload));
  });

  it('stays where it is when the other relay does not answer', async () => {
    const ends = await paths(await relayOf(first));
    const dead = await relayOf(second);
    dead.vanish();
    await expect(ends[0].moveTo(dead.offers[0], { timeout: 300 })).rejects.toMatchObject({ code: 'leg_rejected' });
    const got: string[] = [];
    ends[1].onDatagrams = (datagrams) => got.push(...datagrams.map((datagram) => Buffer.from(datagram).toString()));
    ends[0].sendMany([Buffer.from('still here')], 1);
    await until(() => got.includes('still here'));
    for (const end of ends) end.close();
  });
});
