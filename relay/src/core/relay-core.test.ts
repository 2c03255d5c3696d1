import { type CircuitId, encodePreamble, limits } from '@netport/protocol';
import { beforeEach, describe, expect, it } from 'vitest';
import type { CircuitReport, RelayCommand, RelayEvent } from './events.js';
import { RelayCore } from './relay-core.js';

const ports = { first: 1000, last: 1009 };
const token = (fill: number) => new Uint8Array(32).fill(fill);
const tokens = [token(1), token(2)] as const;
const idOf = (index: number) => `00000000-0000-4000-8000-${String(index).padStart(12, '0')}` as CircuitId;
const circuitId = idOf(0);
const preamble = (fill: number, id = circuitId) => encodePreamble({ circuitId: id, token: token(fill) });

let core: RelayCore;
let now: number;
beforeEach(() => {
  core = new RelayCore({ ports });
  now = 0;
});

const handle = (event: RelayEvent) => core.handle(event, now);
const reports = (commands: RelayCommand[]): CircuitReport[] =>
  commands.flatMap((command) => (command.type === 'tell' ? [command.report] : []));
const dropped = (commands: RelayCommand[]) =>
  commands.flatMap((command) => (command.type === 'drop' ? [[command.connection, command.rejection]] : []));

/** Opens a circuit as io does: both ports come to listen. */
function open(id = circuitId): [number, number] {
  const commands = handle({ type: 'open', request: 1, circuitId: id, transport: 'tcp', tokens });
  const listens = commands.flatMap((command) => (command.type === 'listen' ? [command.port] : []));
  const answers = listens.flatMap((port) => handle({ type: 'listening', port }));
  const [opened] = reports(answers);
  if (opened?.type !== 'opened') throw new Error(`not opened: ${JSON.stringify(commands)}`);
  return opened.ports;
}
const connected = (connection: number, port: number) => handle({ type: 'connected', connection, port });
const received = (connection: number, bytes: Uint8Array) => handle({ type: 'received', connection, bytes });
function bind(connection: number, port: number, bytes: Uint8Array): RelayCommand[] {
  return [...connected(connection, port), ...received(connection, bytes)];
}

describe('binding', () => {
  it.each([
    ['first', [0, 1]],
    ['second', [1, 0]],
  ] as const)('joins when both legs are bound, the %s leg first', (_, order) => {
    const circuit = open();
    const commands = order.flatMap((leg) => bind(10 + leg, circuit[leg], preamble(leg + 1)));
    expect(commands).toEqual([
      { type: 'join', circuitId, ports: circuit, connections: [10, 11] },
      { type: 'unlisten', port: circuit[0] },
      { type: 'unlisten', port: circuit[1] },
      { type: 'tell', report: { type: 'joined', circuitId } },
    ]);
    expect(core.counts).toEqual({ circuits: 1, joined: 1, halfOpen: 0, bound: 0, ports: 2 });
    expect(core.nextDeadline()).toBeUndefined();
  });

  it('takes a preamble in any pieces', () => {
    const [port] = open();
    connected(1, port);
    for (const byte of preamble(1)) expect(received(1, Uint8Array.of(byte))).toEqual([]);
    expect(core.counts).toMatchObject({ halfOpen: 0, bound: 1 });
  });

  it.each([
    ['wrong_token', preamble(9)],
    ['wrong_token', preamble(2)],
    ['unknown_circuit', preamble(1, idOf(5))],
    ['malformed', new Uint8Array(56)],
    ['malformed', new TextEncoder().encode(`GET / HTTP/1.1\r\nhost: relay.example\r\naccept: ${'x'.repeat(80)}`)],
    ['early_data', Uint8Array.of(...preamble(1), 22)],
  ] as const)('drops %s and leaves the leg free', (rejection, bytes) => {
    const [port] = open();
    expect(bind(1, port, bytes)).toEqual([{ type: 'drop', connection: 1, rejection }]);
    expect(core.rejected[rejection]).toBe(1);
    bind(2, port, preamble(1));
    expect(core.counts).toMatchObject({ bound: 1, halfOpen: 0 });
  });

  it('takes a token once', () => {
    const [port] = open();
    bind(1, port, preamble(1));
    expect(dropped(bind(2, port, preamble(1)))).toEqual([[2, 'already_bound']]);
    expect(core.counts).toMatchObject({ circuits: 1, bound: 1 });
  });

  it('drops whoever connects to a joined circuit, or to a port that is nobody’s', () => {
    const circuit = open();
    connected(3, circuit[0]);
    bind(1, circuit[0], preamble(1));
    expect(dropped(bind(2, circuit[1], preamble(2)))).toEqual([[3, 'already_bound']]);
    expect(dropped(connected(4, circuit[0]))).toEqual([[4, 'already_bound']]);
    expect(dropped(connected(5, ports.last))).toEqual([[5, 'unknown_circuit']]);
  });

  it('ends the circuit when a bound leg sends before the ready mark, or goes away: its token is spent', () => {
    const circuit = open();
    bind(1, circuit[0], preamble(1));
    const early = received(1, Uint8Array.of(22));
    expect(dropped(early)).toEqual([[1, undefined]]);
    expect(reports(early)).toEqual([{ type: 'ended', circuitId, code: 'leg_rejected' }]);
    expect(core.rejected.early_data).toBe(1);

    const again = open();
    bind(2, again[0], preamble(1));
    const gone = reports(handle({ type: 'disconnected', connection: 2 }));
    expect(gone).toEqual([{ type: 'ended', circuitId, code: 'circuit_closed' }]);
    expect(core.counts).toEqual({ circuits: 0, joined: 0, halfOpen: 0, bound: 0, ports: 0 });
  });
});

describe('expiry', () => {
  it('drops a slow binder at the preamble timeout, not before', () => {
    const [port] = open();
    connected(1, port);
    received(1, preamble(1).subarray(0, 55));
    expect(core.nextDeadline()).toBe(limits.preambleTimeout);
    now = limits.preambleTimeout - 1;
    expect(handle({ type: 'tick' })).toEqual([]);
    now = limits.preambleTimeout;
    expect(dropped(handle({ type: 'tick' }))).toEqual([[1, 'slow']]);
  });

  it('ends a circuit whose legs are not both bound in time', () => {
    const circuit = open();
    bind(1, circuit[0], preamble(1));
    connected(2, circuit[1]);
    expect(core.nextDeadline()).toBe(limits.preambleTimeout);
    now = limits.legBindTimeout;
    const commands = handle({ type: 'tick' });
    expect(dropped(commands)).toEqual([
      [2, 'slow'],
      [1, undefined],
    ]);
    expect(reports(commands)).toEqual([{ type: 'ended', circuitId, code: 'circuit_expired' }]);
    expect(core.counts).toEqual({ circuits: 0, joined: 0, halfOpen: 0, bound: 0, ports: 0 });
  });

  it('does not bind a token that comes too late, even before the tick', () => {
    const [port] = open();
    now = limits.legBindTimeout;
    expect(dropped(connected(1, port))).toEqual([[1, 'unknown_circuit']]);
  });

  it('keeps a joined circuit for ever', () => {
    const circuit = open();
    bind(1, circuit[0], preamble(1));
    bind(2, circuit[1], preamble(2));
    now = 1000 * limits.legBindTimeout;
    expect(handle({ type: 'tick' })).toEqual([]);
  });
});

describe('ports', () => {
  it('rest after a circuit, then come back', () => {
    const small = { first: 1000, last: 1001 };
    core = new RelayCore({ ports: small });
    open();
    handle({ type: 'close', circuitId });
    now = limits.portQuarantine - 1;
    const [refused] = reports(handle({ type: 'open', request: 4, circuitId, transport: 'tcp', tokens }));
    expect(refused).toMatchObject({ type: 'refused', request: 4, code: 'limit_exceeded' });
    now = limits.portQuarantine;
    expect(open()).toEqual([1000, 1001]);
  });

  it('goes on to the next when another program has one, and lets that one rest', () => {
    handle({ type: 'open', request: 1, circuitId, transport: 'tcp', tokens });
    expect(handle({ type: 'listen_failed', port: 1000, code: 'address_in_use' })).toEqual([
      { type: 'unlisten', port: 1000 },
      { type: 'listen', port: 1002, circuitId, transport: 'tcp' },
    ]);
    handle({ type: 'listening', port: 1002 });
    expect(reports(handle({ type: 'listening', port: 1001 }))).toMatchObject([{ ports: [1002, 1001] }]);
    for (const index of [1, 2, 3]) open(idOf(index));
    expect(reports(handle({ type: 'open', request: 1, circuitId: idOf(4), transport: 'tcp', tokens }))).toMatchObject([
      { code: 'limit_exceeded' },
    ]);
  });

  it('refuses when every port is taken, or when listening fails for another reason', () => {
    core = new RelayCore({ ports: { first: 1000, last: 1001 } });
    handle({ type: 'open', request: 1, circuitId, transport: 'tcp', tokens });
    const taken = handle({ type: 'listen_failed', port: 1000, code: 'address_in_use' });
    expect(reports(taken)).toMatchObject([{ type: 'refused', code: 'limit_exceeded' }]);
    expect(taken).toContainEqual({ type: 'unlisten', port: 1001 });

    core = new RelayCore({ ports });
    handle({ type: 'open', request: 1, circuitId, transport: 'tcp', tokens });
    const denied = handle({ type: 'listen_failed', port: 1000, code: 'permission_denied' });
    expect(reports(denied)).toMatchObject([{ type: 'refused', code: 'permission_denied' }]);
    expect(core.counts.ports).toBe(0);
  });
});

describe('quotas', () => {
  const quota = { ...limits, halfOpenPerPort: 2, halfOpenPerRelay: 3, circuitsPerRelay: 2 };
  beforeEach(() => {
    core = new RelayCore({ ports, limits: quota });
  });

  it('lets the oldest half-open connection of a port, then of the relay, make room', () => {
    const circuit = open();
    for (const connection of [1, 2]) expect(connected(connection, circuit[0])).toEqual([]);
    expect(dropped(connected(3, circuit[0]))).toEqual([[1, 'over_quota']]);
    expect(connected(4, circuit[1])).toEqual([]);
    expect(dropped(connected(5, circuit[1]))).toEqual([[2, 'over_quota']]);
    expect(core.counts.halfOpen).toBe(3);
    expect(dropped(received(5, preamble(2)))).toEqual([]);
    expect(core.counts.bound).toBe(1);
  });

  it('refuses a circuit too many, one that is open already, and any while draining', () => {
    open();
    const again = reports(handle({ type: 'open', request: 5, circuitId, transport: 'tcp', tokens }));
    expect(again).toMatchObject([{ type: 'refused', request: 5, code: 'already_exists' }]);
    open(idOf(1));
    const third = reports(handle({ type: 'open', request: 6, circuitId: idOf(2), transport: 'tcp', tokens }));
    expect(third).toMatchObject([{ type: 'refused', code: 'limit_exceeded' }]);
    handle({ type: 'close', circuitId });
    handle({ type: 'drain' });
    const late = reports(handle({ type: 'open', request: 7, circuitId, transport: 'tcp', tokens }));
    expect(late).toMatchObject([{ type: 'refused', code: 'draining' }]);
  });
});

describe('the end', () => {
  it('parts a joined circuit on close, and says so once', () => {
    const circuit = open();
    bind(1, circuit[0], preamble(1));
    bind(2, circuit[1], preamble(2));
    expect(handle({ type: 'close', circuitId })).toEqual([
      { type: 'part', circuitId },
      { type: 'tell', report: { type: 'ended', circuitId, code: 'circuit_closed' } },
    ]);
    expect(handle({ type: 'parted', circuitId, code: 'tunnel_lost' })).toEqual([]);
  });

  it('answers an open whose circuit is closed before its ports listen', () => {
    handle({ type: 'open', request: 3, circuitId, transport: 'tcp', tokens });
    expect(reports(handle({ type: 'close', circuitId }))).toMatchObject([
      { type: 'refused', request: 3, code: 'circuit_closed' },
    ]);
    expect(handle({ type: 'listening', port: 1000 })).toEqual([]);
  });

  it('ends everything on stop', () => {
    open();
    open(idOf(1));
    expect(reports(handle({ type: 'stop' })).map((report) => report.type)).toEqual(['ended', 'ended']);
    expect(core.counts).toEqual({ circuits: 0, joined: 0, halfOpen: 0, bound: 0, ports: 0 });
  });
});
