import { type CircuitId, type ErrorCode, encodePreamble, limits } from '@netport/protocol';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Endpoint } from '../datapath/datapath.js';
import { bindOf, readAnswer } from '../testing/binds.js';
import type { RelayCommand, RelayEvent } from './events.js';
import { RelayCore } from './relay-core.js';

const ports = { first: 1000, last: 1019 };
const tokens = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)] as const;
const idOf = (index: number) => `00000000-0000-4000-8000-${String(index).padStart(12, '0')}` as CircuitId;
const preambleOf = (circuitId: CircuitId, leg: number) =>
  encodePreamble({ circuitId, token: tokens[leg] ?? tokens[0] });

/** What happens next. `which` picks among what there is at that moment, so that most steps mean something. */
interface Step {
  kind:
    | 'open'
    | 'listening'
    | 'listen_failed'
    | 'connected'
    | 'received'
    | 'disconnected'
    | 'datagram'
    | 'forwarded'
    | 'close'
    | 'parted'
    | 'tick';
  which: number;
  send: 'right' | 'wrong leg' | 'wrong circuit' | 'part' | 'too much' | 'noise';
  code: ErrorCode;
  pause: number;
}
const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom(
    ...(['open', 'open', 'listening', 'listening', 'listening', 'listening', 'listen_failed'] as const),
    ...(['connected', 'connected', 'connected', 'connected', 'received', 'received', 'received', 'received'] as const),
    ...(['received', 'received', 'disconnected', 'close', 'parted', 'tick'] as const),
    ...(['datagram', 'datagram', 'datagram', 'forwarded'] as const),
  ),
  which: fc.nat(1000),
  send: fc.constantFrom(
    ...new Array(9).fill('right' as const),
    'wrong leg',
    'wrong circuit',
    'part',
    'too much',
    'noise',
  ),
  code: fc.constantFrom('address_in_use', 'address_in_use', 'permission_denied'),
  pause: fc.oneof({ weight: 30, arbitrary: fc.nat(50) }, fc.nat(40_000)),
});

/** A UDP port as the rules say it has to be: bound by the highest right bind so far. */
interface DatagramLeg {
  peer?: Endpoint;
  counter: number;
}

/** The sockets, as far as the core can tell: it checks each command against what was really sent. */
class World {
  readonly core = new RelayCore({ ports });
  readonly #ports = new Map<number, 'opening' | 'listening'>();
  readonly #connections = new Map<number, { port: number; bytes: number[] }>();
  /** Circuits that the control server knows of, with their ports. */
  readonly #known = new Map<CircuitId, [number, number]>();
  readonly #joined = new Set<CircuitId>();
  readonly #transports = new Map<CircuitId, 'tcp' | 'udp'>();
  /** Open UDP ports. */
  readonly #datagramLegs = new Map<number, DatagramLeg>();
  #now = 0;
  #lastConnection = 0;
  joins = 0;
  datagramJoins = 0;
  moves = 0;

  step(next: Step): void {
    this.#now += next.pause;
    const event = this.#event(next);
    if (event) this.handle(event);
  }

  handle(event: RelayEvent): void {
    for (const command of this.core.handle(event, this.#now)) this.#obey(command);
    if (event.type === 'disconnected') this.#connections.delete(event.connection);
    const { circuits, joined, halfOpen, bound, ports: inUse } = this.core.counts;
    expect(inUse).toBe(2 * circuits);
    const overUdp = [...this.#joined].filter((id) => this.#transports.get(id) === 'udp').length;
    expect(this.#ports.size).toBe(2 * (circuits - joined + overUdp));
    expect(halfOpen + bound).toBe(this.#connections.size);
    expect(joined).toBe(this.#joined.size);
    expect(halfOpen + circuits - joined > 0).toBe(this.core.nextDeadline() !== undefined);
  }

  finish(): void {
    this.handle({ type: 'stop' });
    expect(this.core.counts).toEqual({ circuits: 0, joined: 0, halfOpen: 0, bound: 0, ports: 0 });
    expect(this.#known.size).toBe(0);
    this.#now += limits.portQuarantine;
    const free = (ports.last - ports.first + 1) / 2;
    for (let index = 0; index < free; index++)
      this.handle({ type: 'open', request: 0, circuitId: idOf(index), transport: 'tcp', tokens });
    expect(this.core.counts.circuits).toBe(free);
  }

  #event({ kind, which, send, code }: Step): RelayEvent | undefined {
    const pick = <Item>(items: Item[]): Item | undefined => items[which % items.length];
    const portsThat = (state: string) => [...this.#ports].filter(([, is]) => is === state).map(([port]) => port);
    // Most of what is closed does not exist: else few circuits would live until they are joined.
    const circuitId = idOf(which % (kind === 'open' ? 4 : 16));
    const silent = [...this.#connections]
      .filter(([, { bytes }]) => bytes.length === 0)
      .map(([connection]) => connection);
    const talk = kind === 'received' && which % 5 > 0 && silent.length > 0;
    const connection = pick(talk ? silent : [...this.#connections.keys()]);
    const overUdp = kind === 'datagram';
    const port = pick(
      portsThat(kind === 'connected' || overUdp ? 'listening' : 'opening').filter(
        (listening) =>
          kind === 'listening' || kind === 'listen_failed' || this.#datagramLegs.has(listening) === overUdp,
      ),
    );
    switch (kind) {
      case 'open':
        return { type: kind, request: which, circuitId, transport: which % 5 === 0 ? 'udp' : 'tcp', tokens };
      case 'listening':
        if (port !== undefined) this.#ports.set(port, 'listening');
        return port === undefined ? undefined : { type: kind, port };
      case 'listen_failed':
        return port === undefined ? undefined : { type: kind, port, code };
      case 'connected': {
        const next = ++this.#lastConnection;
        this.#connections.set(next, { port: port ?? ports.first, bytes: [] });
        return { type: kind, connection: next, port: port ?? ports.first };
      }
      case 'received': {
        const sender = this.#connections.get(connection ?? 0);
        if (connection === undefined || !sender) return undefined;
        const bytes = this.#bytes(sender.port, send, which);
        sender.bytes.push(...bytes);
        return { type: kind, connection, bytes };
      }
      case 'disconnected':
        return connection === undefined ? undefined : { type: kind, connection };
      case 'datagram': {
        if (port === undefined) return undefined;
        const from = { address: '192.0.2.1', port: which % 3 };
        return { type: kind, port, from, bytes: this.#datagram(port, from, send, which % 50) };
      }
      case 'forwarded': {
        const circuits = [...this.#joined].map((id) => ({
          circuitId: id,
          packets: [which, which] as [number, number],
        }));
        return { type: kind, circuits };
      }
      case 'close':
        return { type: kind, circuitId };
      case 'parted':
        return { type: kind, circuitId, code: 'tunnel_lost' };
      case 'tick':
        return { type: kind };
    }
  }

  #bytes(port: number, send: Step['send'], which: number): Uint8Array {
    const [circuitId, circuitPorts] = [...this.#known].find(([, pair]) => pair.includes(port)) ?? [idOf(0), [0, 0]];
    const leg = circuitPorts.indexOf(port);
    const right = preambleOf(circuitId, leg);
    switch (send) {
      case 'right':
        return right;
      case 'wrong leg':
        return preambleOf(circuitId, 1 - leg);
      case 'wrong circuit':
        return preambleOf(idOf(which % 4), leg);
      case 'part':
        return right.subarray(0, which % right.length);
      case 'too much':
        return Uint8Array.of(...right, 22);
      case 'noise':
        return new Uint8Array(which % 80).fill(which);
    }
  }

  /** Makes a datagram, and notes what it has to do when it is a right bind. */
  #datagram(port: number, from: Endpoint, send: Step['send'], counter: number): Uint8Array {
    const circuit = [...this.#known].find(([, pair]) => pair.includes(port));
    // Nobody was told of its ports yet.
    if (!circuit) return new Uint8Array(64);
    const [circuitId, circuitPorts] = circuit;
    const leg = circuitPorts.indexOf(port);
    const bind = (id: CircuitId, of: number) => bindOf(id, tokens[of] ?? tokens[0], counter);
    switch (send) {
      case 'right': {
        const known = this.#datagramLegs.get(port);
        if (known && counter > known.counter) Object.assign(known, { peer: from, counter });
        return bind(circuitId, leg);
      }
      case 'wrong leg':
        return bind(circuitId, 1 - leg);
      case 'wrong circuit':
        return bind(idOf(17), leg);
      case 'part':
        return bind(circuitId, leg).subarray(0, counter);
      case 'too much':
        return Uint8Array.of(...bind(circuitId, leg), 0);
      case 'noise':
        return new Uint8Array(64).fill(counter);
    }
  }

  #obey(command: RelayCommand): void {
    switch (command.type) {
      case 'listen':
        expect(this.#ports.has(command.port)).toBe(false);
        this.#transports.set(command.circuitId, command.transport);
        if (command.transport === 'udp') this.#datagramLegs.set(command.port, { counter: 0 });
        this.#ports.set(command.port, 'opening');
        return;
      case 'unlisten':
        expect(this.#ports.delete(command.port)).toBe(true);
        this.#datagramLegs.delete(command.port);
        return;
      case 'drop':
        expect(this.#connections.delete(command.connection)).toBe(true);
        return;
      case 'join':
        this.joins++;
        this.#joined.add(command.circuitId);
        command.connections.forEach((connection, leg) => {
          const { port, bytes } = this.#connections.get(connection) ?? { port: 0, bytes: [] };
          expect(port).toBe(this.#known.get(command.circuitId)?.[leg]);
          expect(bytes).toEqual([...preambleOf(command.circuitId, leg)]);
          this.#connections.delete(connection);
        });
        return;
      case 'answer': {
        const { peer, counter } = this.#datagramLegs.get(command.port) ?? {};
        expect(command.to).toEqual(peer);
        const circuit = [...this.#known].find(([, pair]) => pair.includes(command.port));
        const token = tokens[circuit?.[1].indexOf(command.port) ?? 0] ?? tokens[0];
        const kind = circuit && this.#joined.has(circuit[0]) ? 'joined' : 'waiting';
        expect(readAnswer(command.bytes, token)).toEqual([kind, counter]);
        return;
      }
      case 'join_datagrams':
        this.datagramJoins++;
        this.#joined.add(command.circuitId);
        expect(command.ports).toEqual(this.#known.get(command.circuitId));
        expect(command.peers).toEqual(command.ports.map((port) => this.#datagramLegs.get(port)?.peer));
        return;
      case 'move': {
        this.moves++;
        expect(this.#joined.has(command.circuitId)).toBe(true);
        const port = this.#known.get(command.circuitId)?.[command.leg] ?? 0;
        expect(command.peer).toEqual(this.#datagramLegs.get(port)?.peer);
        return;
      }
      case 'part':
        expect(this.#joined.has(command.circuitId)).toBe(true);
        return;
      case 'tell': {
        const { report } = command;
        if (report.type === 'opened') this.#known.set(report.circuitId, report.ports);
        if (report.type === 'ended') {
          expect(this.#known.delete(report.circuitId)).toBe(true);
          this.#joined.delete(report.circuitId);
        }
      }
    }
  }
}

it('joins only legs that sent exactly the right preamble or bind, and leaks nothing, whatever happens', () => {
  const seen = { joins: 0, datagramJoins: 0, moves: 0 };
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (steps) => {
      const world = new World();
      for (const next of steps) world.step(next);
      world.finish();
      seen.joins += world.joins;
      seen.datagramJoins += world.datagramJoins;
      seen.moves += world.moves;
    }),
    { numRuns: 400 },
  );
  // Otherwise the steps are too random to prove anything.
  expect(seen.joins).toBeGreaterThan(100);
  expect(seen.datagramJoins).toBeGreaterThan(50);
  expect(seen.moves).toBeGreaterThan(40);
});
