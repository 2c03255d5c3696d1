import { once } from 'node:events';
import { createServer } from 'node:net';
import { type CircuitId, encodePreamble, type LegCounters, limits, NetportError } from '@netport/protocol';
import { createLogger } from '@netport/runtime';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { CircuitReport } from '../core/events.js';
import { RelayCore } from '../core/relay-core.js';
import type { Datapath, Join } from '../datapath/datapath.js';
import { userspaceDatapath } from '../datapath/userspace.js';
import { closing, dial, dialLeg, readReadyMark, waitFor } from '../testing/sockets.js';
import { openProbe } from './probe.js';
import { RelayIo } from './relay-io.js';

const circuitId = '00000000-0000-4000-8000-000000000001' as CircuitId;
const tokens = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)] as const;
const listenAddress = '127.0.0.1';
const log = createLogger('relay', 'silent');

let first: number;
let core: RelayCore;
let io: RelayIo;
let now: number;
let reports: { report: CircuitReport; counters: LegCounters }[];

beforeEach(() => {
  first = 30_000 + Math.floor(Math.random() * 2000);
  core = new RelayCore({ ports: { first, last: first + 19 } });
  reports = [];
  now = 0;
  const onReport = (report: CircuitReport, counters: LegCounters) => reports.push({ report, counters });
  io = new RelayIo({ core, datapath: userspaceDatapath(), listenAddress, onReport, log, now: () => now });
});
afterEach(() => io.dispatch({ type: 'stop' }));

async function reported<Type extends CircuitReport['type']>(type: Type) {
  await waitFor(() => reports.some(({ report }) => report.type === type));
  return reports.find(({ report }) => report.type === type) as {
    report: Extract<CircuitReport, { type: Type }>;
    counters: LegCounters;
  };
}
async function open(): Promise<[number, number]> {
  io.dispatch({ type: 'open', request: 1, circuitId, transport: 'tcp', tokens });
  return (await reported('opened')).report.ports;
}
/** The circuit still works for the two that it is for, and its ports are closed then. */
async function expectUsable(ports: [number, number]): Promise<void> {
  const legs = [dialLeg(ports[0], circuitId, tokens[0]), dialLeg(ports[1], circuitId, tokens[1])] as const;
  await Promise.all(legs.map(readReadyMark));
  legs[0].write('ping');
  expect((await once(legs[1], 'data'))[0].toString()).toBe('ping');
  expect(core.counts).toEqual({ circuits: 1, joined: 1, halfOpen: 0, bound: 0, ports: 2 });
  for (const port of ports) expect(await isRefused(port)).toBe(true);
  for (const leg of legs) leg.destroy();
  expect((await reported('ended')).counters.bytes).toEqual([4, 0]);
  expect(io.totals().userspace.bytes).toBe(4);
}
const isRefused = async (port: number): Promise<boolean> => {
  const socket = dial(port);
  return new Promise((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
    socket.on('connect', () => resolve(false));
  });
};

it('closes what sends garbage, a wrong token or early data, without a word', async () => {
  const ports = await open();
  const good = encodePreamble({ circuitId, token: tokens[0] });
  const attempts = [
    'GET / HTTP/1.1\r\nhost: relay.example.org\r\nuser-agent: scanner\r\n\r\n',
    encodePreamble({ circuitId, token: new Uint8Array(32) }),
    Uint8Array.of(...good, 22, 3, 1),
  ];
  for (const bytes of attempts) {
    const socket = dial(ports[0]);
    socket.write(bytes);
    let answered = 0;
    socket.on('data', () => answered++);
    await closing(socket);
    expect(answered).toBe(0);
  }
  expect(core.rejected).toMatchObject({ malformed: 1, wrong_token: 1, early_data: 1 });
  await expectUsable(ports);
});

it('forgets a connection that ends inside its preamble', async () => {
  const ports = await open();
  const socket = dial(ports[0]);
  socket.end(encodePreamble({ circuitId, token: tokens[0] }).subarray(0, 40));
  await closing(socket);
  expect(core.rejected.malformed).toBe(1);
  await expectUsable(ports);
});

it('drops a slow binder by its own timer', async () => {
  const ports = await open();
  const socket = dial(ports[0]);
  await waitFor(() => core.counts.halfOpen === 1);
  // From here on, whatever arms the timer anew arms it for the first connection's deadline, a millisecond ahead.
  now = limits.preambleTimeout - 1;
  const other = dial(ports[1]);
  await waitFor(() => core.counts.halfOpen === 2);
  now = limits.preambleTimeout;
  await closing(socket);
  expect(core.rejected.slow).toBe(1);
  other.destroy();
  await waitFor(() => core.counts.halfOpen === 0);
  await expectUsable(ports);
});

it('is left as it was by a port scanner', async () => {
  const ports = await open();
  const scans = Array.from({ length: 200 }, (_, index) => dial(ports[index % 2] ?? 0));
  await Promise.all(scans.map((socket) => once(socket, 'connect')));
  expect(core.counts.halfOpen).toBeLessThanOrEqual(2 * limits.halfOpenPerPort);
  for (const socket of scans) socket.destroy();
  await waitFor(() => core.counts.halfOpen === 0);
  expect(core.rejected.over_quota + core.rejected.malformed).toBe(200);
  await expectUsable(ports);
});

it('drops a second bind of a bound leg and keeps the first', async () => {
  const ports = await open();
  const legs = [dialLeg(ports[0], circuitId, tokens[0])];
  await waitFor(() => core.counts.bound === 1);
  await closing(dialLeg(ports[0], circuitId, tokens[0]));
  expect(core.rejected.already_bound).toBe(1);
  legs.push(dialLeg(ports[1], circuitId, tokens[1]));
  await Promise.all(legs.map(readReadyMark));
  for (const leg of legs) leg.destroy();
});

it('passes over ports that another program has', async () => {
  const taken = createServer().listen(first, listenAddress);
  await once(taken, 'listening');
  const ports = await open();
  expect(ports).toEqual([first + 2, first + 1]);
  await expectUsable(ports);
  taken.close();
});

it('closes ports that come to listen after their circuit has gone', async () => {
  io.dispatch({ type: 'open', request: 1, circuitId, transport: 'tcp', tokens });
  io.dispatch({ type: 'close', circuitId });
  expect((await reported('refused')).report.code).toBe('circuit_closed');
  await expect.poll(() => isRefused(first)).toBe(true);
});

it('takes up what an earlier process left, and tells of its end', async () => {
  let close: (code: 'tunnel_lost') => void = () => {};
  const closed = new Promise<'tunnel_lost'>((resolve) => {
    close = resolve;
  });
  const left: Join = {
    datapath: 'tc',
    counters: () => [5, 6],
    packets: () => [1, 2],
    end: () => close('tunnel_lost'),
    closed,
  };
  const ports = [first, 1] as const;
  const datapath: Datapath = {
    ...userspaceDatapath(),
    adopt: () => [{ circuitId, transport: 'tcp', ports, join: left }],
  };
  const onReport = (report: CircuitReport, counters: LegCounters) => reports.push({ report, counters });
  io = new RelayIo({ core, datapath, listenAddress, onReport, log, now: () => now });
  io.adopt();
  const counters = { circuitId, datapath: 'tc', bytes: [5, 6], packets: [1, 2] };
  expect(io.counters()).toEqual([counters]);
  expect(core.counts).toMatchObject({ circuits: 1, joined: 1, ports: 1 });
  close('tunnel_lost');
  expect(await reported('ended')).toEqual({ report: { type: 'ended', circuitId, code: 'tunnel_lost' }, counters });
  expect(io.totals().tc).toEqual({ bytes: 11, packets: 3 });
  expect(core.counts.circuits).toBe(0);
});

it('closes a port that the datapath does not want', async () => {
  const datapath: Datapath = {
    ...userspaceDatapath(),
    open: () => {
      throw new NetportError('limit_exceeded', 'no room');
    },
  };
  const onReport = (report: CircuitReport, counters: LegCounters) => reports.push({ report, counters });
  io = new RelayIo({ core, datapath, listenAddress, onReport, log });
  io.dispatch({ type: 'open', request: 1, circuitId, transport: 'tcp', tokens });
  expect((await reported('refused')).report.code).toBe('limit_exceeded');
  await expect.poll(() => isRefused(first)).toBe(true);
});

it('puts the probe on the first port that is free', async () => {
  const taken = createServer().listen(first, listenAddress);
  await once(taken, 'listening');
  const probe = await openProbe({ first, last: first + 9 }, listenAddress);
  expect(probe).toMatchObject({ port: first + 1, ports: { first: first + 2, last: first + 9 } });
  expect(await closing(dial(probe.port))).toBe('end');
  probe.close();
  await expect(openProbe({ first, last: first + 2 }, listenAddress)).rejects.toMatchObject({ code: 'address_in_use' });
  taken.close();
});

it('takes both legs of a circuit on the port for all, and forwards between them', async () => {
  const legPort = first + 30;
  core = new RelayCore({ ports: { first, last: first + 19 }, legPort });
  const onReport = (report: CircuitReport, counters: LegCounters) => reports.push({ report, counters });
  io = new RelayIo({ core, datapath: userspaceDatapath(), listenAddress, onReport, log, now: () => now });
  const close = await io.openLegPort(legPort);
  await expect(io.openLegPort(legPort)).rejects.toMatchObject({ code: 'address_in_use' });
  await open();
  const legs = [dialLeg(legPort, circuitId, tokens[0]), dialLeg(legPort, circuitId, tokens[1])] as const;
  await Promise.all(legs.map(readReadyMark));
  legs[1].write('ping');
  expect((await once(legs[0], 'data'))[0].toString()).toBe('ping');
  for (const leg of legs) leg.destroy();
  expect((await reported('ended')).counters.bytes).toEqual([0, 4]);
  close();
});
