import type { Server, Socket } from 'node:net';
import type { CircuitId, ErrorCode, LegCounters, Transport } from '@netport/protocol';

/** Where datagrams come from and go to: an IP address as node:dgram gives it, and a port. */
export interface Endpoint {
  address: string;
  port: number;
}

/** A port of a circuit that listens now. */
export interface OpenPort {
  circuitId: CircuitId;
  port: number;
  transport: Transport;
  /** TCP only: the listener, before it accepts. */
  server?: Server;
}

/** The two TCP legs of a circuit, both bound; made with `allowHalfOpen`, nothing unread in them. */
export interface TcpLegs {
  circuitId: CircuitId;
  ports: readonly [number, number];
  sockets: readonly [Socket, Socket];
}

/** The two UDP legs of a circuit, both bound. */
export interface UdpLegs {
  circuitId: CircuitId;
  ports: readonly [number, number];
  /** Whom each leg is bound to. */
  peers: readonly [Endpoint, Endpoint];
  /** Sends from one leg's port to that leg's peer. */
  send: (leg: 0 | 1, peer: Endpoint, bytes: Uint8Array) => void;
}

/** How the two legs of a circuit are joined. Nothing above this interface knows which one it is. */
export interface Datapath {
  readonly kind: 'userspace' | 'xdp';
  /** A port is about to take binds; `release` when it is not any more (the circuit has ended, or all its legs are TCP and joined). */
  open(port: OpenPort): void;
  release(port: Pick<OpenPort, 'port' | 'transport'>): void;
  /**
   * Sends the ready mark on both legs and forwards everything after it, until both are closed. The sockets belong to the
   * datapath from here on. The mark is part of it because a datapath that moves legs into the kernel has to know the
   * sequence numbers before the mark leaves.
   */
  join(legs: TcpLegs): Join;
  /** Forwards datagrams between the peers, until `end`. Answers to binds are not its business. */
  joinDatagrams(legs: UdpLegs): DatagramJoin;
  /** Circuits that run without this process having joined them: what one before it left in the kernel. Asked once, first. */
  adopt(): AdoptedCircuit[];
  /** Why it is not more than it is, what is dropped: for `status` and metrics. */
  describe(): DatapathState;
  /** No circuit runs any more: gives everything back. */
  close(): void;
}

/** Two legs that are joined. */
export interface Join {
  readonly datapath: LegCounters['datapath'];
  /** Bytes that came in from the first and from the second leg so far. */
  counters(): [number, number];
  /** Packets, where it forwards packets. */
  packets(): [number, number] | undefined;
  /** Closes both legs at once. */
  end(): void;
  /** Both legs are closed: `circuit_closed` when each side ended in order, `tunnel_lost` when one broke. */
  readonly closed: Promise<ErrorCode>;
}

/** Two UDP legs that are joined: they end when somebody ends them. */
export interface DatagramJoin extends Join {
  /** A datagram that reached this process on that leg's port, and no bind. Forwards it if it is from the leg's peer; false if not. */
  received(leg: 0 | 1, from: Endpoint, bytes: Uint8Array): boolean;
  /** The leg has a new address. */
  move(leg: 0 | 1, peer: Endpoint): void;
}

export interface AdoptedCircuit {
  circuitId: CircuitId;
  transport: Transport;
  ports: readonly [number, number];
  join: Join;
}

export interface DatapathState {
  /** One line: why this datapath was taken and not a faster one, or what it does without. Undefined when nothing is lacking. */
  reason?: string | undefined;
  interfaces: string[];
  /** Packets dropped in the kernel, by reason. */
  drops: Record<string, number>;
  /** Circuits that stayed in userspace though the kernel could have had them, by reason. */
  declined: Record<string, number>;
}
