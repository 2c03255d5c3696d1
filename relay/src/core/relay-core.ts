import { type CircuitId, limits as defaultLimits, type ErrorCode } from '@netport/protocol';
import type { Endpoint } from '../datapath/datapath.js';
import { judge } from './binding.js';
import { type Circuit, type Leg, newLeg, type Place } from './circuit.js';
import { answerTo, judgeDatagram } from './datagram-binding.js';
import type { CircuitReport, ConnectionId, RelayCommand, RelayEvent } from './events.js';
import { type HalfOpenLimits, HalfOpenTable } from './half-open.js';
import { PortPool, type PortRange } from './port-pool.js';
import { type Rejection, rejections } from './rejections.js';

export interface RelayLimits extends HalfOpenLimits {
  legBindTimeout: number;
  circuitsPerRelay: number;
  portQuarantine: number;
  udpLegIdle: number;
}

type EventOf<Type extends RelayEvent['type']> = Extract<RelayEvent, { type: Type }>;

const noPorts = 'no two ports of the range are free on this relay';

/** The relay without its sockets: events and an instant in, commands out. Instants are milliseconds that never go back. */
export class RelayCore {
  /** How many connections were closed, and binds over UDP dropped, without an answer, by reason. */
  readonly rejected = Object.fromEntries(rejections.map((reason) => [reason, 0])) as Record<Rejection, number>;
  readonly #limits: RelayLimits;
  readonly #pool: PortPool;
  readonly #legPort: number | undefined;
  readonly #halfOpen: HalfOpenTable;
  readonly #circuits = new Map<CircuitId, Circuit>();
  readonly #places = new Map<number, Place>();
  /** They share one timeout, so the order of insertion is the order of the deadlines. */
  readonly #unjoined = new Map<CircuitId, Circuit>();
  /** Bound legs of circuits that are not joined: from the join on, the datapath owns the connections. */
  readonly #bound = new Map<ConnectionId, Circuit>();
  #draining = false;

  /** `legPort`: listened on all the time, and takes the TCP legs of every circuit. */
  constructor(options: { ports: PortRange; legPort?: number | undefined; limits?: RelayLimits }) {
    this.#limits = options.limits ?? defaultLimits;
    this.#pool = new PortPool(options.ports);
    this.#legPort = options.legPort;
    this.#halfOpen = new HalfOpenTable(this.#limits, options.legPort);
  }

  handle(event: RelayEvent, now: number): RelayCommand[] {
    return [...this.#expire(now), ...this.#apply(event, now)];
  }

  /** The instant at which a `tick` is due, or undefined when nothing waits. */
  nextDeadline(): number | undefined {
    const circuit = this.#unjoined.values().next().value?.expiresAt ?? Number.POSITIVE_INFINITY;
    const connection = this.#halfOpen.nextDeadline() ?? Number.POSITIVE_INFINITY;
    const next = Math.min(circuit, connection);
    return next === Number.POSITIVE_INFINITY ? undefined : next;
  }

  get counts(): { circuits: number; joined: number; halfOpen: number; bound: number; ports: number } {
    return {
      circuits: this.#circuits.size,
      joined: this.#circuits.size - this.#unjoined.size,
      halfOpen: this.#halfOpen.size,
      bound: this.#bound.size,
      ports: this.#pool.inUse,
    };
  }

  #apply(event: RelayEvent, now: number): RelayCommand[] {
    switch (event.type) {
      case 'open':
        return this.#open(event, now);
      case 'close':
        return this.#end(event.circuitId, 'circuit_closed', now);
      case 'listening':
        return this.#listening(event);
      case 'listen_failed':
        return this.#listenFailed(event, now);
      case 'connected':
        return this.#connected(event, now);
      case 'received':
        return this.#received(event, now);
      case 'disconnected':
        return this.#disconnected(event, now);
      case 'datagram':
        return this.#datagram(event, now);
      case 'adopt':
        return this.#adopt(event, now);
      case 'parted':
        return this.#parted(event, now);
      case 'forwarded':
        return this.#forwarded(event, now);
      case 'tick':
        return [];
      case 'drain':
        this.#draining = true;
        return [];
      case 'stop':
        return [...this.#circuits.keys()].flatMap((circuitId) => this.#end(circuitId, 'draining', now));
    }
  }

  #expire(now: number): RelayCommand[] {
    const commands: RelayCommand[] = this.#halfOpen.overdue(now).map((connection) => this.#reject(connection, 'slow'));
    for (const [circuitId, { expiresAt }] of this.#unjoined) {
      if (expiresAt > now) break;
      commands.push(...this.#end(circuitId, 'circuit_expired', now));
    }
    return commands;
  }

  #open({ request, circuitId, transport, tokens }: EventOf<'open'>, now: number): RelayCommand[] {
    const refuse = (code: ErrorCode, message: string) => [
      tell({ type: 'refused', request, circuitId, code, message: `circuit ${circuitId}: ${message}` }),
    ];
    if (this.#draining) return refuse('draining', 'the relay is shutting down');
    if (this.#circuits.has(circuitId)) return refuse('already_exists', 'it is open already');
    if (this.#circuits.size >= this.#limits.circuitsPerRelay) {
      return refuse('limit_exceeded', `this relay carries ${this.#circuits.size} circuits already`);
    }
    const [first, second] = [this.#pool.take(now), this.#pool.take(now)];
    if (first === undefined || second === undefined) {
      if (first !== undefined) this.#pool.release(first, now);
      return refuse('limit_exceeded', noPorts);
    }
    const circuit: Circuit = {
      id: circuitId,
      request,
      transport,
      legs: [newLeg(first, tokens[0]), newLeg(second, tokens[1])],
      expiresAt: now + this.#limits.legBindTimeout,
      state: 'opening',
    };
    this.#circuits.set(circuitId, circuit);
    this.#unjoined.set(circuitId, circuit);
    return circuit.legs.map((leg) => this.#listen({ circuit, leg }));
  }

  #listen(place: Place): RelayCommand {
    const { circuit, leg } = place;
    this.#places.set(leg.port, place);
    leg.open = true;
    return { type: 'listen', port: leg.port, circuitId: circuit.id, transport: circuit.transport };
  }

  #listening({ port }: EventOf<'listening'>): RelayCommand[] {
    const place = this.#places.get(port);
    if (!place || place.leg.listening) return [];
    place.leg.listening = true;
    const { circuit } = place;
    const [a, b] = circuit.legs;
    if (!a.listening || !b.listening) return [];
    circuit.state = 'waiting';
    return [tell({ type: 'opened', request: circuit.request, circuitId: circuit.id, ports: [a.port, b.port] })];
  }

  #listenFailed({ port, code }: EventOf<'listen_failed'>, now: number): RelayCommand[] {
    const place = this.#places.get(port);
    if (!place || place.leg.listening) return [];
    const { circuit, leg } = place;
    if (code !== 'address_in_use') return this.#end(circuit.id, code, now, `the relay cannot listen on port ${port}`);
    const next = this.#pool.take(now);
    if (next === undefined) return this.#end(circuit.id, 'limit_exceeded', now, noPorts);
    // Another program has it: no use in trying it again soon.
    this.#places.delete(port);
    this.#pool.release(port, now + this.#limits.portQuarantine);
    leg.port = next;
    return [{ type: 'unlisten', port }, this.#listen(place)];
  }

  #connected({ connection, port }: EventOf<'connected'>, now: number): RelayCommand[] {
    if (port !== this.#legPort) {
      const place = this.#places.get(port);
      if (!place?.leg.listening) return [this.#drop(connection, 'unknown_circuit')];
      if (place.circuit.state === 'joined') return [this.#drop(connection, 'already_bound')];
    }
    const surplus = this.#halfOpen.surplus(port);
    const commands = surplus === undefined ? [] : [this.#reject(surplus, 'over_quota')];
    this.#halfOpen.add(connection, port, now);
    return commands;
  }

  #received({ connection, bytes }: EventOf<'received'>, now: number): RelayCommand[] {
    const waiting = this.#bound.get(connection);
    if (waiting) {
      this.rejected.early_data++;
      return this.#end(waiting.id, 'leg_rejected', now);
    }
    const halfOpen = this.#halfOpen.get(connection);
    if (!halfOpen) return [];
    const verdict = judge(halfOpen, bytes, (circuitId) => this.#placesOf(circuitId, halfOpen.port));
    if (verdict === 'incomplete') return [];
    return typeof verdict === 'object' ? this.#bind(connection, verdict) : [this.#reject(connection, verdict)];
  }

  /** The legs of a circuit that may be bound over TCP on a port. */
  #placesOf(circuitId: CircuitId, port: number): Place[] {
    const circuit = this.#circuits.get(circuitId);
    if (circuit?.transport !== 'tcp') return [];
    const legs = circuit.legs.filter((leg) => leg.listening && (port === this.#legPort || port === leg.port));
    return legs.map((leg) => ({ circuit, leg }));
  }

  #bind(connection: ConnectionId, { circuit, leg }: Place): RelayCommand[] {
    this.#halfOpen.remove(connection);
    leg.bound = connection;
    this.#bound.set(connection, circuit);
    const [a, b] = circuit.legs;
    if (a.bound === undefined || b.bound === undefined) return [];
    this.#bound.delete(a.bound);
    this.#bound.delete(b.bound);
    this.#unjoined.delete(circuit.id);
    circuit.state = 'joined';
    return [
      // Before its ports are released: until then the datapath keeps what it saw of the two senders.
      { type: 'join', circuitId: circuit.id, ports: [a.port, b.port], connections: [a.bound, b.bound] },
      ...this.#closePorts(circuit, 'already_bound'),
      tell({ type: 'joined', circuitId: circuit.id }),
    ];
  }

  #disconnected({ connection }: EventOf<'disconnected'>, now: number): RelayCommand[] {
    const waiting = this.#bound.get(connection);
    // Its token is spent, so this circuit can never be joined: the portals had better ask for another.
    if (waiting) return this.#end(waiting.id, 'circuit_closed', now);
    if (this.#halfOpen.remove(connection)) this.rejected.malformed++;
    return [];
  }

  #datagram({ port, from, bytes }: EventOf<'datagram'>, now: number): RelayCommand[] {
    const place = this.#places.get(port);
    if (!place) return this.#ignore('unknown_circuit');
    const verdict = judgeDatagram(place, bytes);
    if (typeof verdict !== 'bigint') return this.#ignore(verdict);
    const { circuit, leg } = place;
    const moved = leg.peer?.address !== from.address || leg.peer.port !== from.port;
    leg.peer = from;
    leg.counter = verdict;
    leg.heardAt = now;
    if (circuit.state !== 'joined') return this.#bindDatagrams(circuit, leg, from);
    const index = circuit.legs[0] === leg ? 0 : 1;
    return [
      ...(moved ? [{ type: 'move', circuitId: circuit.id, leg: index, peer: from } as const] : []),
      answer(circuit, leg, from, 'joined'),
    ];
  }

  #bindDatagrams(circuit: Circuit, leg: Leg, from: Endpoint): RelayCommand[] {
    const [a, b] = circuit.legs;
    if (!a.peer || !b.peer) return [answer(circuit, leg, from, 'waiting')];
    this.#unjoined.delete(circuit.id);
    circuit.state = 'joined';
    // The first leg has waited in silence, so it is counted from now on.
    a.heardAt = b.heardAt = leg.heardAt;
    return [
      { type: 'join_datagrams', circuitId: circuit.id, ports: [a.port, b.port], peers: [a.peer, b.peer] },
      answer(circuit, a, a.peer, 'joined'),
      answer(circuit, b, b.peer, 'joined'),
      tell({ type: 'joined', circuitId: circuit.id }),
    ];
  }

  #adopt({ circuitId, transport, ports }: EventOf<'adopt'>, now: number): RelayCommand[] {
    const legOn = (port: number): Leg => {
      this.#pool.reserve(port);
      // Its token went with the process that knew it: the leg runs, and cannot be bound again.
      return { ...newLeg(port, new Uint8Array()), heardAt: now };
    };
    this.#circuits.set(circuitId, {
      id: circuitId,
      request: 0,
      transport,
      legs: [legOn(ports[0]), legOn(ports[1])],
      expiresAt: now,
      state: 'joined',
    });
    return [];
  }

  /** A leg of which more was forwarded has been heard. What goes to a leg does not count: anybody can send into the void. */
  #forwarded({ circuits }: EventOf<'forwarded'>, now: number): RelayCommand[] {
    return circuits.flatMap(({ circuitId, packets }) => {
      const circuit = this.#circuits.get(circuitId);
      if (circuit?.transport !== 'udp') return [];
      for (const index of [0, 1] as const) {
        const leg = circuit.legs[index];
        if (leg.packets !== packets[index]) leg.heardAt = now;
        leg.packets = packets[index];
      }
      const silent = circuit.legs.some(({ heardAt }) => now - heardAt >= this.#limits.udpLegIdle);
      return silent ? this.#end(circuitId, 'tunnel_lost', now) : [];
    });
  }

  #parted({ circuitId, code }: EventOf<'parted'>, now: number): RelayCommand[] {
    return this.#circuits.get(circuitId)?.state === 'joined' ? this.#end(circuitId, code, now) : [];
  }

  /** Gives back everything that a circuit holds. One that the control server never saw opened is refused instead. */
  #end(
    circuitId: CircuitId,
    code: ErrorCode,
    now: number,
    why = 'it ended before its ports were open',
  ): RelayCommand[] {
    const circuit = this.#circuits.get(circuitId);
    if (!circuit) return [];
    const { request, state, legs } = circuit;
    const commands: RelayCommand[] = state === 'joined' ? [{ type: 'part', circuitId }] : [];
    commands.push(...this.#closePorts(circuit, 'unknown_circuit'));
    for (const { bound, port } of legs) {
      if (bound !== undefined && this.#bound.delete(bound)) commands.push({ type: 'drop', connection: bound });
      this.#places.delete(port);
      this.#pool.release(port, now + this.#limits.portQuarantine);
    }
    this.#unjoined.delete(circuitId);
    this.#circuits.delete(circuitId);
    const message = `circuit ${circuitId}: ${why}`;
    commands.push(
      tell(
        state === 'opening'
          ? { type: 'refused', request, circuitId, code, message }
          : { type: 'ended', circuitId, code },
      ),
    );
    return commands;
  }

  #closePorts(circuit: Circuit, rejection: Rejection): RelayCommand[] {
    const open = circuit.legs.filter((leg) => leg.open);
    return open.flatMap((leg): RelayCommand[] => {
      leg.open = false;
      const halfOpen = this.#halfOpen.on(leg.port).map((connection) => this.#reject(connection, rejection));
      return [{ type: 'unlisten', port: leg.port }, ...halfOpen];
    });
  }

  #reject(connection: ConnectionId, rejection: Rejection): RelayCommand {
    this.#halfOpen.remove(connection);
    return this.#drop(connection, rejection);
  }

  #ignore(rejection: Rejection): RelayCommand[] {
    this.rejected[rejection]++;
    return [];
  }

  #drop(connection: ConnectionId, rejection: Rejection): RelayCommand {
    this.rejected[rejection]++;
    return { type: 'drop', connection, rejection };
  }
}

const answer = (circuit: Circuit, leg: Leg, to: Endpoint, kind: 'waiting' | 'joined'): RelayCommand => ({
  type: 'answer',
  port: leg.port,
  to,
  bytes: answerTo(circuit.id, leg, kind),
});

const tell = (report: CircuitReport): RelayCommand => ({ type: 'tell', report });
