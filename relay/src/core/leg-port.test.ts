import { type CircuitId, encodePreamble, limits, type Transport } from '@netport/protocol';
import { beforeEach, expect, it } from 'vitest';
import type { RelayCommand, RelayEvent } from './events.js';
import { RelayCore } from './relay-core.js';

const legPort = 443;
const token = (fill: number) => new Uint8Array(32).fill(fill);
const idOf = (index: number) => `00000000-0000-4000-8000-${String(index).padStart(12, '0')}` as CircuitId;

let core: RelayCore;
const quota = { ...limits, halfOpenPerPort: 1, halfOpenOnLegPort: 2, halfOpenPerRelay: 4 };
beforeEach(() => {
  core = new RelayCore({ ports: { first: 1000, last: 1009 }, legPort, limits: quota });
});

const handle = (event: RelayEvent): RelayCommand[] => core.handle(event, 0);
/** Circuit `index`, whose leg tokens are that and one more. */
function open(index: number, transport: Transport = 'tcp'): [number, number] {
  const tokens = [token(index), token(index + 1)] as const;
  const listens = handle({ type: 'open', request: 1, circuitId: idOf(index), transport, tokens });
  const [a, b] = listens.flatMap((command) => (command.type === 'listen' ? [command.port] : []));
  for (const port of [a, b]) if (port) handle({ type: 'listening', port });
  return [a ?? 0, b ?? 0];
}
const connect = (connection: number, port = legPort) => handle({ type: 'connected', connection, port });
const say = (connection: number, index: number, fill: number) =>
  handle({
    type: 'received',
    connection,
    bytes: encodePreamble({ circuitId: idOf(index), token: token(fill) }),
  });
const bind = (connection: number, index: number, fill: number, port = legPort) => [
  ...connect(connection, port),
  ...say(connection, index, fill),
];
const dropped = (commands: RelayCommand[]) =>
  commands.flatMap((command) => (command.type === 'drop' ? [[command.connection, command.rejection]] : []));

it('takes legs of any circuit, and joins them with those on their own ports', () => {
  open(10);
  const own = open(20);
  expect(bind(1, 20, 21)).toEqual([]);
  expect(bind(2, 10, 11)).toEqual([]);
  expect(bind(3, 20, 20, own[0])).toMatchObject([
    { type: 'join', circuitId: idOf(20), ports: own, connections: [3, 1] },
    { type: 'unlisten' },
    { type: 'unlisten' },
    { type: 'tell', report: { type: 'joined' } },
  ]);
  expect(bind(4, 10, 10)).toMatchObject([{ type: 'join', circuitId: idOf(10), connections: [4, 2] }, {}, {}, {}]);
});

it.each<[what: string, index: number, fill: number, rejection: string]>([
  ['of no circuit', 30, 30, 'unknown_circuit'],
  ['of a circuit over UDP', 20, 20, 'unknown_circuit'],
  ['with the token of neither leg', 10, 12, 'wrong_token'],
  ['with a token that is spent', 40, 40, 'already_bound'],
  ['of a circuit that is joined', 50, 51, 'already_bound'],
])('drops a preamble %s', (_what, index, fill, rejection) => {
  open(10);
  open(20, 'udp');
  open(40);
  bind(1, 40, 40);
  open(50);
  bind(2, 50, 50);
  bind(3, 50, 51);
  expect(dropped(bind(9, index, fill))).toEqual([[9, rejection]]);
});

it('drops what belongs to a circuit that the kernel has from before', () => {
  handle({ type: 'adopt', circuitId: idOf(60), transport: 'tcp', ports: [legPort, 1001] });
  expect(dropped(bind(1, 60, 0))).toEqual([[1, 'unknown_circuit']]);
  handle({ type: 'parted', circuitId: idOf(60), code: 'circuit_closed' });
  expect(core.counts.ports).toBe(0);
});

it('a port of its own takes its own leg only', () => {
  const [port] = open(10);
  expect(dropped(bind(1, 10, 11, port))).toEqual([[1, 'wrong_token']]);
});

it('has a quota of its own, so that strangers there leave room for legs elsewhere', () => {
  const [port] = open(10);
  connect(1);
  connect(2);
  expect(dropped(connect(3))).toEqual([[1, 'over_quota']]);
  expect(dropped(connect(4, port))).toEqual([]);
  expect(dropped(say(4, 10, 10))).toEqual([]);
  expect(dropped(connect(5))).toEqual([[2, 'over_quota']]);
});
