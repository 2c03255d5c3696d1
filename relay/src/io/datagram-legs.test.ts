import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { bindBytes, type CircuitId, type LegCounters, limits } from '@netport/protocol';
import { createLogger } from '@netport/runtime';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CircuitReport } from '../core/events.js';
import { RelayCore } from '../core/relay-core.js';
import { userspaceDatapath } from '../datapath/userspace.js';
import { bindOf, readAnswer } from '../testing/binds.js';
import { waitFor } from '../testing/sockets.js';
import { RelayIo } from './relay-io.js';

const circuitId = '00000000-0000-4000-8000-000000000001' as CircuitId;
const otherId = '00000000-0000-4000-8000-000000000002' as CircuitId;
const tokens = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)] as const;
const loopback = '127.0.0.1';

let core: RelayCore;
let io: RelayIo;
let now: number;
let ports: [number, number];
let reports: { report: CircuitReport; counters: LegCounters }[];
let sockets: Socket[];

beforeEach(() => {
  sockets = [];
  reports = [];
  now = 0;
});
afterEach(() => {
  io.dispatch({ type: 'stop' });
  for (const socket of sockets) socket.close();
});

async function open(listenAddress?: string): Promise<void> {
  const first = 32_000 + Math.floor(Math.random() * 700);
  core = new RelayCore({ ports: { first, last: first + 9 } });
  io = new RelayIo({
    core,
    datapath: userspaceDatapath(),
    listenAddress,
    onReport: (report, counters) => reports.push({ report, counters }),
    log: createLogger('relay', 'silent'),
    now: () => now,
    pollInterval: 10,
  });
  io.dispatch({ type: 'open', request: 1, circuitId, transport: 'udp', tokens });
  const { report } = await reported('opened');
  if (report.type === 'opened') ports = report.ports;
}

async function reported(type: CircuitReport['type']) {
  await waitFor(() => reports.some(({ report }) => report.type === type));
  const [found] = reports.filter(({ report }) => report.type === type);
  if (!found) throw new Error('unreachable');
  return found;
}

/** A portal's socket: what it received, and sending to a port. */
async function portal(type: 'udp4' | 'udp6' = 'udp4') {
  const socket = createSocket(type);
  const host = type === 'udp4' ? loopback : '::1';
  sockets.push(socket);
  const received: Buffer[] = [];
  socket.on('message', (bytes) => received.push(bytes)).bind(0, host);
  await once(socket, 'listening');
  const send = (port: number, bytes: Uint8Array | string) => socket.send(bytes, port, host);
  return {
    received,
    send,
    bind: (leg: 0 | 1, counter: number) => send(ports[leg], bindOf(circuitId, tokens[leg], counter)),
    /** The next answer; throws when it is not for this leg. */
    answer: async (leg: 0 | 1) => {
      await waitFor(() => received.length > 0);
      const bytes = received.shift() ?? Buffer.alloc(0);
      expect(bytes).toHaveLength(bindBytes);
      return readAnswer(bytes, tokens[leg]);
    },
    text: async () => {
      await waitFor(() => received.length > 0);
      return received.shift()?.toString();
    },
  };
}

async function joined() {
  const legs = [await portal(), await portal()] as const;
  legs[0].bind(0, 1);
  await legs[0].answer(0);
  legs[1].bind(1, 1);
  expect(await legs[1].answer(1)).toEqual(['joined', 1]);
  expect(await legs[0].answer(0)).toEqual(['joined', 1]);
  return legs;
}

describe('the legs of a circuit', () => {
  beforeEach(() => open(loopback));

  it.each([
    [0, 1],
    [1, 0],
  ] as const)('bind with leg %i first, and are joined', async (early, late) => {
    const [first, second] = [await portal(), await portal()];
    first.bind(early, 1);
    expect(await first.answer(early)).toEqual(['waiting', 1]);
    first.bind(early, 2);
    expect(await first.answer(early)).toEqual(['waiting', 2]);
    second.bind(late, 1);
    expect(await second.answer(late)).toEqual(['joined', 1]);
    expect(await first.answer(early)).toEqual(['joined', 2]);
    second.bind(late, 2);
    expect(await second.answer(late)).toEqual(['joined', 2]);

    first.send(ports[early], 'ping');
    expect(await second.text()).toBe('ping');
    second.send(ports[late], 'pong!');
    expect(await first.text()).toBe('pong!');
    const [counters] = io.counters();
    expect(counters?.bytes[early]).toBe(4);
    expect(counters?.bytes[late]).toBe(5);
    expect(counters?.packets).toEqual([1, 1]);
  });

  it('carry empty datagrams, large ones, and 64 bytes that are no bind', async () => {
    const [a, b] = await joined();
    for (const size of [0, 64, 65_507]) {
      const bytes = Buffer.alloc(size, 7);
      a.send(ports[0], bytes);
      await waitFor(() => b.received.length > 0);
      expect(b.received.shift()?.equals(bytes)).toBe(true);
    }
    expect(io.counters()[0]?.packets).toEqual([3, 0]);
  });

  it('move with a higher counter, not with a replay', async () => {
    const [a, b] = await joined();
    const thief = await portal();
    thief.send(ports[0], bindOf(circuitId, tokens[0], 1));
    await waitFor(() => core.rejected.replayed === 1);
    b.send(ports[1], 'still there?');
    expect(await a.text()).toBe('still there?');

    const roamed = await portal();
    roamed.bind(0, 2);
    expect(await roamed.answer(0)).toEqual(['joined', 2]);
    b.send(ports[1], 'and now?');
    expect(await roamed.text()).toBe('and now?');
    a.send(ports[0], 'from the old place');
    await waitFor(() => io.dropped.unbound === 1);
    expect([thief.received, a.received, b.received]).toEqual([[], [], []]);
  });

  it('hear nothing from strangers, and strangers nothing from them', async () => {
    const stranger = await portal();
    const right = bindOf(circuitId, tokens[0], 9);
    const wrong = [
      bindOf(circuitId, tokens[1], 9),
      bindOf(otherId, tokens[0], 9),
      bindOf(circuitId, tokens[0], 9, 'joined'),
      right.subarray(0, 63),
      Buffer.concat([right, Buffer.alloc(1)]),
      Buffer.alloc(64, 0xff),
      Buffer.alloc(0),
    ];
    for (const bytes of wrong) stranger.send(ports[0], bytes);
    const counted = () =>
      core.rejected.wrong_mac + core.rejected.unknown_circuit + core.rejected.malformed + io.dropped.unbound;
    await waitFor(() => counted() === wrong.length);
    const [a, b] = await joined();
    for (const bytes of wrong) stranger.send(ports[0], bytes);
    await waitFor(() => counted() === 2 * wrong.length);
    expect(io.dropped.unbound).toBe(8);
    a.send(ports[0], 'undisturbed');
    expect(await b.text()).toBe('undisturbed');
    expect([stranger.received, b.received]).toEqual([[], []]);
    expect(io.counters()[0]?.packets).toEqual([1, 0]);
  });

  it('keep the circuit while both are heard, and end it when one is not', async () => {
    const [a, b] = await joined();
    let sent = 0;
    for (now = 0; now < 3 * limits.udpLegIdle; now += limits.udpLegIdle / 2) {
      sent++;
      a.send(ports[0], 'x');
      b.bind(1, sent + 1);
      await waitFor(() => b.received.length === 2 * sent);
    }
    expect(core.counts.joined).toBe(1);
    now += limits.udpLegIdle;
    const { report, counters } = await reported('ended');
    expect(report).toMatchObject({ code: 'tunnel_lost' });
    expect(counters).toMatchObject({ bytes: [sent, 0], packets: [sent, 0], datapath: 'userspace' });
    expect(io.totals().userspace.bytes).toBe(sent);
  });

  it('may be closed while packets fly', async () => {
    const [a, b] = await joined();
    const flying = setInterval(() => {
      for (let i = 0; i < 100; i++) a.send(ports[0], 'x');
      for (let i = 0; i < 100; i++) b.send(ports[1], 'y');
    });
    await waitFor(() => a.received.length > 100 && b.received.length > 100);
    io.dispatch({ type: 'close', circuitId });
    expect((await reported('ended')).report).toMatchObject({ code: 'circuit_closed' });
    // The port is free as soon as another socket can have it.
    const after = createSocket('udp4');
    sockets.push(after);
    await new Promise<void>((resolve) => {
      after.on('error', () => after.bind(ports[0], loopback)).on('listening', resolve);
      after.bind(ports[0], loopback);
    });
    clearInterval(flying);
    expect(core.counts).toEqual({ circuits: 0, joined: 0, halfOpen: 0, bound: 0, ports: 0 });
  });
});

it('passes over UDP ports that another program has', async () => {
  const first = 31_000 + Math.floor(Math.random() * 700);
  const other = createSocket('udp4');
  other.bind(first, loopback);
  await once(other, 'listening');
  core = new RelayCore({ ports: { first, last: first + 9 } });
  const onReport = (report: CircuitReport, counters: LegCounters) => reports.push({ report, counters });
  const log = createLogger('relay', 'silent');
  io = new RelayIo({ core, datapath: userspaceDatapath(), listenAddress: loopback, onReport, log });
  io.dispatch({ type: 'open', request: 1, circuitId, transport: 'udp', tokens });
  expect((await reported('opened')).report).toMatchObject({ ports: [first + 2, first + 1] });
  other.close();
});

const ipv6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'));

it.skipIf(!ipv6)(`joins an IPv6 leg with an IPv4 one${ipv6 ? '' : ' (skipped: no ::1 here)'}`, async () => {
  await open();
  const [a, b] = [await portal('udp6'), await portal('udp4')];
  a.bind(0, 1);
  expect(await a.answer(0)).toEqual(['waiting', 1]);
  b.bind(1, 1);
  expect(await b.answer(1)).toEqual(['joined', 1]);
  expect(await a.answer(0)).toEqual(['joined', 1]);
  a.send(ports[0], 'six');
  expect(await b.text()).toBe('six');
  b.send(ports[1], 'four');
  expect(await a.text()).toBe('four');
});
