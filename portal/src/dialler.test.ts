import { randomUUID } from 'node:crypto';
import {
  circuitIdSchema,
  limits,
  type Name,
  NetportError,
  type Transport,
  type TransportPreference,
} from '@netport/protocol';
import { createLogger } from '@netport/runtime';
import { afterEach, expect, it, vi } from 'vitest';
import { Dialler } from './dialler.js';
import { spiffeId } from './testing/identities.js';
import { memoryTunnels } from './tunnel/memory.js';
import type { Tunnel, TunnelContext } from './tunnel/tunnel.js';
import { DialFailure, Tunnels } from './tunnel/tunnels.js';

const peer = spiffeId('b');

function tunnelOver(circuit: Transport): Tunnel {
  const circuitId = circuitIdSchema.parse(randomUUID());
  const transport = circuit === 'udp' ? 'quic' : 'tcp';
  const context: TunnelContext = { peer, serial: '01', root: '', role: 'client', transport, relay: 'r1', circuitId };
  return memoryTunnels({ client: context, server: context, onStream: () => {}, onFlow: () => {} }).client;
}

/** A portal in a world whose UDP works, is refused, takes its time, or vanishes; or no relay, or nobody, has circuits. */
class World {
  udp: 'works' | 'refused' | 'takes its time' | 'vanishes' | 'no relay' | 'denied' = 'works';
  /** Ends the wait of what takes its time. */
  arrive = (): void => {};
  network = 'home';
  now = 0;
  readonly asked: Transport[] = [];
  readonly given: Transport[] = [];
  readonly tunnels: Tunnels;
  readonly dialler: Dialler;

  constructor(preference: TransportPreference = 'auto', lack?: string) {
    this.dialler = new Dialler({
      preference,
      attempt: (_peer, transport, _avoid, abandon) => this.#attempt(transport, abandon),
      adopt: (tunnel) => this.tunnels.adopt(tunnel),
      tunnels: () => this.tunnels.all,
      network: () => this.network,
      quicUnavailable: async () => lack,
      now: () => this.now,
      log: createLogger('test', 'silent'),
    });
    this.tunnels = new Tunnels({
      dial: (...dial) => this.dialler.dial(...dial),
      choose: (...choice) => this.dialler.choose(...choice),
      onChange: ({ tunnel, reason }) => {
        if (reason?.code === 'tunnel_lost' && tunnel.context.transport === 'quic') this.dialler.lost(peer);
      },
      idle: 60_000_000,
      now: () => this.now,
    });
  }

  async open(preference?: TransportPreference): Promise<'tcp' | 'quic'> {
    return (await this.tunnels.open(peer, preference)).context.transport;
  }

  stop(): void {
    this.dialler.stop();
    this.tunnels.close(new NetportError('draining', 'the test is over'));
  }

  #attempt(transport: Transport, abandon: AbortSignal): Promise<Tunnel> {
    this.asked.push(transport);
    if (transport === 'tcp' || this.udp === 'works') return Promise.resolve(tunnelOver(transport));
    if (this.udp === 'no relay') return Promise.reject(new NetportError('relay_unavailable', 'no room'));
    if (this.udp === 'denied') return Promise.reject(new NetportError('policy_denied', 'no pair'));
    const failure = new DialFailure('r1' as Name, new NetportError('leg_rejected', 'no answer'));
    if (this.udp === 'refused') return Promise.reject(failure);
    return new Promise((resolve, reject) => {
      if (this.udp === 'takes its time') this.arrive = () => resolve(tunnelOver(transport));
      abandon.addEventListener('abort', () => {
        this.given.push(transport);
        reject(failure);
      });
    });
  }
}

const over = (world: World, transport: 'tcp' | 'quic'): Tunnel[] =>
  world.tunnels.all.filter(({ context }) => context.transport === transport);
const whyOf = (world: World, transport: 'tcp' | 'quic'): (string | undefined)[] =>
  over(world, transport).map((tunnel) => world.dialler.reason(tunnel));

afterEach(() => void vi.useRealTimers());

it.each([
  ['tcp', ['tcp']],
  ['quic', ['udp']],
] as const)('--transport %s asks for nothing else', async (preference, circuits) => {
  const world = new World(preference);
  expect(await world.open()).toBe(preference);
  expect(world.asked).toEqual(circuits);
  expect(world.dialler.reason((await world.tunnels.open(peer)) as Tunnel)).toBe(`--transport ${preference}`);
  world.stop();
});

it('takes TCP, and says why, where the machine has no QUIC', async () => {
  const world = new World('auto', 'no QUIC for linux-s390x');
  expect(await world.open()).toBe('tcp');
  expect(world.asked).toEqual(['tcp']);
  const [tunnel] = world.tunnels.all;
  expect(tunnel && world.dialler.reason(tunnel)).toBe('no QUIC for linux-s390x');
  expect(world.dialler.counters).toEqual({ fallbacks: 0, upgrades: 0 });
  world.stop();
});

it(`takes QUIC alone where it is up in time`, async () => {
  const world = new World();
  expect(await world.open()).toBe('quic');
  expect(world.asked).toEqual(['udp']);
  world.stop();
});

it.each(['refused', 'no relay'] as const)(
  `takes TCP where UDP is or has: %s, and asks for nothing else from then on`,
  async (udp) => {
    const world = new World();
    world.udp = udp;
    expect(await world.open()).toBe('tcp');
    expect(world.asked).toEqual(['udp', 'tcp']);
    const [first] = world.tunnels.all;
    expect(first && world.dialler.reason(first)).toBe('QUIC did not get through on this network (tried again in 60 s)');
    first?.close(new NetportError('tunnel_lost', 'silence'));
    await first?.closed;
    expect(await world.open()).toBe('tcp');
    expect(world.asked).toEqual(['udp', 'tcp', 'tcp']);
    expect(world.dialler.counters).toEqual({ fallbacks: 1, upgrades: 0 });
    world.stop();
  },
);

it(`takes TCP where UDP vanishes, and has given QUIC up after a while`, async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const world = new World();
  world.udp = 'vanishes';
  const opened = world.open();
  await vi.advanceTimersByTimeAsync(limits.transportHeadStart);
  expect(await opened).toBe('tcp');
  expect(whyOf(world, 'tcp')).toEqual(['TCP came up first']);
  expect(await world.open()).toBe('tcp');
  await vi.advanceTimersByTimeAsync(limits.quicRetryTimeout - 1);
  expect(world.given).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  expect([world.asked, world.given]).toEqual([['udp', 'tcp'], ['udp']]);
  expect(whyOf(world, 'tcp')).toEqual(['QUIC did not get through on this network (tried again in 60 s)']);
  world.stop();
});

it(`QUIC that comes up after TCP takes its place, and is not held against the network`, async () => {
  const world = new World();
  world.udp = 'takes its time';
  expect(await world.open()).toBe('tcp');
  world.arrive();
  await expect.poll(() => over(world, 'tcp')).toEqual([]);
  expect(await world.open()).toBe('quic');
  expect(whyOf(world, 'quic')).toEqual(['QUIC gets through']);
  expect(world.asked).toEqual(['udp', 'tcp']);
  expect(world.dialler.counters).toEqual({ fallbacks: 1, upgrades: 1 });
  world.stop();
});

it(`gives QUIC that is late up when this portal stops`, async () => {
  const world = new World();
  world.udp = 'takes its time';
  expect(await world.open()).toBe('tcp');
  world.stop();
  expect(world.given).toEqual(['udp']);
});

it('a pair that prefers QUIC does not take TCP because QUIC was late for another', async () => {
  const world = new World();
  world.udp = 'takes its time';
  expect(await world.open('auto')).toBe('tcp');
  world.udp = 'works';
  expect(await world.open('quic')).toBe('quic');
  expect(world.asked).toEqual(['udp', 'tcp', 'udp']);
  expect(world.given).toEqual(['udp']);
  world.stop();
});

it(`does not ask again for what TCP would be refused, too`, async () => {
  const world = new World();
  world.udp = 'denied';
  await expect(world.open()).rejects.toMatchObject({ code: 'policy_denied' });
  expect(world.asked).toEqual(['udp']);
  world.stop();
});

it(`does not wait for QUIC after a tunnel over it was lost`, async () => {
  const world = new World();
  expect(await world.open()).toBe('quic');
  world.udp = 'vanishes';
  const [lost] = world.tunnels.all;
  lost?.close(new NetportError('tunnel_lost', 'silence'));
  await lost?.closed;
  expect(await world.open()).toBe('tcp');
  expect(world.asked).toEqual(['udp', 'tcp']);
  world.stop();
});

it(`tries QUIC again less and less often, and goes back to it when it works`, async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const world = new World();
  const pass = async (ms: number): Promise<void> => {
    world.now += ms;
    await vi.advanceTimersByTimeAsync(ms);
  };
  world.udp = 'refused';
  expect(await world.open()).toBe('tcp');
  const tried = (): number => world.asked.filter((transport) => transport === 'udp').length;
  await pass(limits.quicRetry - 1);
  expect(tried()).toBe(1);
  await pass(1);
  expect(tried()).toBe(2);
  await pass(2 * limits.quicRetry - 1);
  expect(tried()).toBe(2);
  world.udp = 'works';
  await pass(1);
  expect(tried()).toBe(3);
  expect(await world.open()).toBe('quic');
  expect(world.tunnels.all.map(({ context }) => context.transport)).toEqual(['quic']);
  expect(world.dialler.counters).toEqual({ fallbacks: 1, upgrades: 1 });
  world.stop();
});

it(`gives a try up that takes too long`, async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const world = new World();
  world.udp = 'refused';
  await world.open();
  world.udp = 'vanishes';
  await vi.advanceTimersByTimeAsync(limits.quicRetry);
  expect(world.given).toEqual([]);
  await vi.advanceTimersByTimeAsync(limits.quicRetryTimeout);
  expect(world.given).toEqual(['udp']);
  world.stop();
});

it(`tries QUIC at once on another network, and remembers the first`, async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval'] });
  const world = new World();
  world.udp = 'refused';
  expect(await world.open()).toBe('tcp');
  world.udp = 'works';
  world.network = 'café';
  await vi.advanceTimersByTimeAsync(limits.networkInterval + 1);
  expect(await world.open()).toBe('quic');
  world.network = 'home';
  const [tunnel] = world.tunnels.all;
  tunnel?.close(new NetportError('circuit_closed', 'gone'));
  await tunnel?.closed;
  expect(await world.open()).toBe('tcp');
  world.stop();
});

it('has a tunnel of each transport to a peer where access pairs prefer different ones, and no more', async () => {
  const world = new World();
  for (const preference of ['tcp', 'quic', 'tcp', 'quic', 'auto'] as const) {
    expect(await world.open(preference)).toBe(preference === 'tcp' ? 'tcp' : 'quic');
  }
  expect(world.asked).toEqual(['tcp', 'udp']);
  expect([whyOf(world, 'tcp'), whyOf(world, 'quic')]).toEqual([
    ['preferred by an access pair'],
    ['preferred by an access pair'],
  ]);
  world.stop();
});

it('a pair without a preference gets what it would without the others', async () => {
  const world = new World();
  expect(await world.open('tcp')).toBe('tcp');
  expect(await world.open('auto')).toBe('quic');
  expect(whyOf(world, 'quic')).toEqual(['QUIC gets through']);
  world.stop();
});

it('a pair that prefers QUIC goes over TCP where UDP is blocked, and tells why', async () => {
  const world = new World();
  world.udp = 'refused';
  expect(await world.open('quic')).toBe('tcp');
  expect(await world.open('tcp')).toBe('tcp');
  expect(await world.open('auto')).toBe('tcp');
  expect(world.asked).toEqual(['udp', 'tcp']);
  expect(whyOf(world, 'tcp')).toEqual(['QUIC did not get through on this network (tried again in 60 s)']);
  world.stop();
});

it('shares the tunnel of pairs that prefer TCP while QUIC is down, and leaves it to them when QUIC is back', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const world = new World();
  expect(await world.open('tcp')).toBe('tcp');
  expect(await world.open('quic')).toBe('quic');
  const [lost] = over(world, 'quic');
  lost?.close(new NetportError('tunnel_lost', 'silence'));
  await lost?.closed;
  expect(await world.open('quic')).toBe('tcp');
  expect(world.asked).toEqual(['tcp', 'udp']);
  await vi.advanceTimersByTimeAsync(limits.quicRetry);
  expect(await world.open('quic')).toBe('quic');
  expect(await world.open('tcp')).toBe('tcp');
  expect(world.asked).toEqual(['tcp', 'udp', 'udp']);
  world.stop();
});

it.each(['tcp', 'quic'] as const)('--transport %s binds every pair', async (operator) => {
  const world = new World(operator);
  for (const preference of ['auto', 'tcp', 'quic'] as const) expect(await world.open(preference)).toBe(operator);
  expect(world.asked).toEqual([operator === 'tcp' ? 'tcp' : 'udp']);
  world.stop();
});
