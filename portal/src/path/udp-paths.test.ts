import { type CircuitId, type LegOffer, limits, type Name, NetportError } from '@netport/protocol';
import { createLogger } from '@netport/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DatagramRelay, datagramRelay } from '../testing/datagram-relay.js';
import { issue, newAuthority, spiffeId } from '../testing/identities.js';
import { unavailable } from '../testing/quic.js';
import { until } from '../testing/sockets.js';
import { contextOf, headOf } from '../testing/tunnels.js';
import { openQuicTunnel } from '../tunnel/quic/open.js';
import type { Tunnel, TunnelContext } from '../tunnel/tunnel.js';
import { bindLegPath } from './leg-path.js';
import { UdpPaths } from './udp-paths.js';

const authority = await newAuthority();
const identities = { client: await issue(authority, spiffeId('a')), server: await issue(authority, spiffeId('b')) };
const ids = ['1', '2', '3'].map((digit) => `00000000-0000-4000-8000-00000000000${digit}` as CircuitId) as [
  CircuitId,
  CircuitId,
  CircuitId,
];
const log = createLogger('test', 'silent');

let relays: [DatagramRelay, DatagramRelay, DatagramRelay];
let tunnels: Record<TunnelContext['role'], Tunnel>;
let paths: Record<TunnelContext['role'], UdpPaths>;
/** What the client asked for, and what becomes of it. */
let asked: { avoid: Name[]; replaces: CircuitId }[];
let grant: () => void;
/** Whose leg found out that its relay has gone. */
let lost: TunnelContext['role'][];

/** Who gave which circuit back. */
let closed: [TunnelContext['role'], CircuitId][];
/** The relay of the circuit that the client gets. */
let granted: 1 | 2;

/** One side's leg of a circuit that takes the place of the first: the second, unless another is named. */
const replacing = (role: TunnelContext['role'], peer: keyof typeof identities, relay: 1 | 2 = 1): LegOffer => ({
  ...relays[relay].offers[role === 'client' ? 0 : 1],
  transport: 'udp',
  peer: identities[peer].id,
  role,
  expiresAt: new Date().toISOString(),
  replaces: ids[0],
});

const open = async (role: TunnelContext['role']): Promise<Tunnel> => {
  const offer = relays[0].offers[role === 'client' ? 0 : 1];
  const path = await bindLegPath(offer, limits.legBindTimeout);
  const tunnel = await openQuicTunnel({
    ...{ path, identity: identities[role], trust: { rootPems: [authority.rootPem] }, now: () => new Date() },
    context: { ...contextOf(role), relay: offer.relay, circuitId: offer.circuitId },
    onStream: (stream) => void stream.accept(),
    onFlow: () => {},
  });
  paths[role].add(tunnel, path);
  return tunnel;
};

beforeEach(async ({ skip }) => {
  skip(unavailable !== undefined, unavailable);
  relays = [
    await datagramRelay(ids[0], 'first'),
    await datagramRelay(ids[1], 'second'),
    await datagramRelay(ids[2], 'third'),
  ];
  asked = [];
  lost = [];
  closed = [];
  granted = 1;
  grant = () => {};
  const network = () => 'the same';
  paths = {
    client: new UdpPaths({
      requestCircuit: async (_peer, _transport, avoid, replaces) => {
        asked.push({ avoid, replaces });
        grant();
        paths.server.take(replacing('server', 'client', granted)).catch(() => {});
        return replacing('client', 'server', granted);
      },
      closeCircuit: (circuitId) => closed.push(['client', circuitId]),
      network,
      onLost: () => lost.push('client'),
      log,
    }),
    server: new UdpPaths({
      requestCircuit: () => Promise.reject(new Error('the server asked')),
      closeCircuit: (circuitId) => closed.push(['server', circuitId]),
      network,
      onLost: () => lost.push('server'),
      log,
    }),
  };
  const [client, server] = await Promise.all([open('client'), open('server')]);
  tunnels = { client, server };
});
afterEach(async () => {
  for (const tunnel of Object.values(tunnels)) tunnel.close(new NetportError('draining', 'the test is over'));
  await Promise.all(relays.map((relay) => relay.close()));
});

const circuits = () => [tunnels.client.context.circuitId, tunnels.server.context.circuitId];

describe(`paths of tunnels over UDP${unavailable ? ` (skipped: ${unavailable})` : ''}`, () => {
  it('move when their relay has gone, as soon as the control server lets them', async () => {
    const { bytes } = await tunnels.client.openStream(headOf('tcp'));
    grant = () => {
      if (asked.length === 1) throw new NetportError('relay_unavailable', 'not yet');
    };
    relays[0].vanish();
    bytes.write('something to send');
    await until(() => circuits().every((id) => id === ids[1]));
    // Either may have to look whether it hears the control server still.
    expect(new Set(lost)).toEqual(new Set(['client', 'server']));
    expect(asked).toEqual([1, 2].map(() => ({ avoid: ['first'], replaces: ids[0] })));
    expect(tunnels.client.context.relay).toBe('second');
    expect(closed).toEqual([]);
    expect((await tunnels.client.openStream(headOf('tcp'))).broken).toBe(false);
  });

  it('outlive the orderly end of their circuit while they carry something, and no other end', async () => {
    expect(paths.client.outlives(ids[0], 'draining')).toBe(false);
    await tunnels.client.openStream(headOf('tcp'));
    expect(paths.client.outlives(ids[0], 'policy_denied')).toBe(false);
    expect(paths.client.outlives(ids[1], 'draining')).toBe(false);
    expect(paths.server.outlives(ids[0], 'draining')).toBe(true);
    expect(asked).toEqual([]);
    expect(paths.client.outlives(ids[0], 'draining')).toBe(true);
    await until(() => circuits().every((id) => id === ids[1]));
    // It runs over that one no more.
    expect(paths.client.outlives(ids[0], 'draining')).toBe(false);
  });

  it('leave a circuit whose relay is about to stop while they carry something', async () => {
    expect(paths.client.leave(ids[0])).toBe(false);
    await tunnels.client.openStream(headOf('tcp'));
    expect(paths.client.leave(ids[1])).toBe(false);
    expect(paths.client.leave(ids[0])).toBe(true);
    await until(() => circuits().every((id) => id === ids[1]));
    expect(asked).toEqual([{ avoid: ['first'], replaces: ids[0] }]);
    expect(lost).toEqual([]);
  });

  it('give a circuit back that leads nowhere either', async () => {
    await tunnels.client.openStream(headOf('tcp'));
    relays[1].vanish();
    expect(paths.client.outlives(ids[0], 'draining')).toBe(true);
    await until(() => closed.length === 2);
    expect(closed.sort()).toEqual([
      ['client', ids[1]],
      ['server', ids[1]],
    ]);
    expect(circuits()).toEqual([ids[0], ids[0]]);
  });

  it('leave a circuit for a newer one, and wait for the next when that one ends', async () => {
    const { bytes } = await tunnels.client.openStream(headOf('tcp'));
    const older = expect(paths.server.take(replacing('server', 'client'))).rejects.toMatchObject({
      code: 'circuit_closed',
    });
    granted = 2;
    expect(paths.client.outlives(ids[0], 'draining')).toBe(true);
    await until(() => circuits().every((id) => id === ids[2]));
    await older;
    expect(closed).toEqual([['server', ids[1]]]);
    bytes.destroy();
    await until(() => tunnels.server.counters().streams === 0);
    // The client may not have been able to take it.
    expect(paths.server.outlives(ids[2], 'circuit_closed')).toBe(true);
    expect(paths.client.outlives(ids[2], 'circuit_closed')).toBe(false);
  });

  it('take a circuit from nobody but the peer that dialled', async () => {
    await expect(paths.server.take(replacing('server', 'server'))).rejects.toMatchObject({ code: 'circuit_closed' });
    await expect(paths.client.take(replacing('server', 'server'))).rejects.toMatchObject({ code: 'circuit_closed' });
    expect(circuits()).toEqual([ids[0], ids[0]]);
  });
});
