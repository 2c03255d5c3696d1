import { randomUUID } from 'node:crypto';
import {
  circuitIdSchema,
  limits,
  type Name,
  NetportError,
  type SpiffeId,
  type TransportPreference,
} from '@netport/protocol';
import { expect, it } from 'vitest';
import { spiffeId } from '../testing/identities.js';
import { until } from '../testing/sockets.js';
import { memoryTunnels } from './memory.js';
import type { Tunnel, TunnelContext } from './tunnel.js';
import { DialFailure, Tunnels } from './tunnels.js';

const peer = spiffeId('b');
const tunnelOver = (relay: string, role: 'client' | 'server' = 'client'): Tunnel => {
  const circuitId = circuitIdSchema.parse(randomUUID());
  const context: TunnelContext = { peer, serial: '01', root: '', role, transport: 'tcp', relay, circuitId };
  return memoryTunnels({ client: context, server: context, onStream: () => {}, onFlow: () => {} }).client;
};

const choose = (_peer: SpiffeId, _preference: TransportPreference, [first]: readonly Tunnel[]) => first;

/** Tunnels whose every dial is answered by the next outcome. */
function tunnelsOf(...outcomes: (Tunnel | DialFailure)[]): { tunnels: Tunnels; avoided: Name[][] } {
  const avoided: Name[][] = [];
  const dial = async (_peer: string, avoid: Name[]): Promise<Tunnel> => {
    avoided.push(avoid);
    const outcome = outcomes.shift();
    if (!outcome || outcome instanceof DialFailure) throw outcome ?? new Error('one dial too many');
    return outcome;
  };
  return { tunnels: new Tunnels({ dial, choose, idle: 60_000, now: Date.now }), avoided };
}
const failure = (relay: string, code: 'leg_rejected' | 'peer_offline' | 'tunnel_failed'): DialFailure =>
  new DialFailure(relay as Name, new NetportError(code, 'no'));

it('builds one tunnel for all who ask at once, and uses it again', async () => {
  const { tunnels, avoided } = tunnelsOf(tunnelOver('r1'));
  const opened = await Promise.all([tunnels.open(peer), tunnels.open(peer)]);
  expect(new Set([...opened, await tunnels.open(peer)]).size).toBe(1);
  expect(avoided.length).toBe(1);
  await tunnels.drain();
});

it('gives one failure to all who wait, and to those who ask right after', async () => {
  const { tunnels, avoided } = tunnelsOf(failure('r1', 'tunnel_failed'));
  const asked = await Promise.allSettled([tunnels.open(peer), tunnels.open(peer)]);
  expect(asked).toMatchObject([{ reason: { code: 'tunnel_failed' } }, { reason: { code: 'tunnel_failed' } }]);
  await expect(tunnels.open(peer)).rejects.toMatchObject({ code: 'tunnel_failed' });
  expect(avoided.length).toBe(1);
  await tunnels.drain();
});

it('tries another relay at once when one is out of reach', async () => {
  const { tunnels, avoided } = tunnelsOf(failure('r1', 'leg_rejected'), tunnelOver('r2'));
  expect((await tunnels.open(peer)).context.relay).toBe('r2');
  expect(avoided).toEqual([[], ['r1']]);
  await tunnels.drain();
});

it('dials again over another relay after a tunnel was lost', async () => {
  const lost = tunnelOver('r1');
  const { tunnels, avoided } = tunnelsOf(lost, tunnelOver('r2'));
  await tunnels.open(peer);
  lost.close(new NetportError('tunnel_lost', 'silence'));
  await until(() => tunnels.all.length === 0);
  expect((await tunnels.open(peer)).context.relay).toBe('r2');
  expect(avoided).toEqual([[], ['r1']]);
  await tunnels.drain();
});

it('opens no more streams over a circuit that it is told to leave, and on no other tunnel less', async () => {
  const [leaving, staying] = [tunnelOver('r1'), tunnelOver('r2', 'server')];
  const { tunnels } = tunnelsOf(leaving, tunnelOver('r3'));
  await tunnels.open(peer);
  tunnels.adopt(staying);
  tunnels.leave(leaving.context.circuitId);
  expect([leaving.open, staying.open]).toEqual([false, true]);
  expect((await tunnels.open(peer)).context.relay).toBe('r3');
  await tunnels.drain();
});

it('replaces the tunnel that it opens streams on, and keeps a few of a peer', async () => {
  const { tunnels } = tunnelsOf(tunnelOver('r1'));
  const first = await tunnels.open(peer);
  tunnels.adopt(tunnelOver('r2'));
  expect((await first.closed).code).toBe('draining');
  const older = tunnelOver('r1', 'server');
  tunnels.adopt(older);
  for (let more = 1; more < limits.tunnelsPerPeer; more++) tunnels.adopt(tunnelOver('r2', 'server'));
  expect(older.open).toBe(true);
  tunnels.adopt(tunnelOver('r2', 'server'));
  expect((await older.closed).code).toBe('draining');
  await until(() => tunnels.all.length === limits.tunnelsPerPeer + 1);
  await tunnels.drain();
  expect(tunnels.all.length).toBe(0);
});
