import type { CircuitId, Transport } from '@netport/protocol';
import type { Endpoint } from '../datapath/datapath.js';
import type { ConnectionId } from './events.js';

/** One portal's side of a circuit. */
export interface Leg {
  readonly token: Uint8Array;
  port: number;
  /** io was told to listen on its port, and not yet to stop. */
  open: boolean;
  listening: boolean;
  /** TCP: the connection that it is bound to. */
  bound: ConnectionId | undefined;
  /** UDP: whom it is bound to. */
  peer: Endpoint | undefined;
  /** UDP: of the last bind. */
  counter: bigint;
  /** UDP: when something last came from its peer, and how many packets the datapath had forwarded from there. */
  heardAt: number;
  packets: number;
}

/** `opening` until both ports listen, `waiting` until both legs are bound, then `joined`. */
export interface Circuit {
  readonly id: CircuitId;
  /** The control server's request id of the `open`. */
  readonly request: number;
  readonly transport: Transport;
  readonly legs: readonly [Leg, Leg];
  /** When it ends unless it is joined by then. */
  readonly expiresAt: number;
  state: 'opening' | 'waiting' | 'joined';
}

/** A leg and the circuit it belongs to. */
export interface Place {
  readonly circuit: Circuit;
  readonly leg: Leg;
}

export const newLeg = (port: number, token: Uint8Array): Leg => ({
  port,
  token,
  open: false,
  listening: false,
  bound: undefined,
  peer: undefined,
  counter: 0n,
  heardAt: 0,
  packets: 0,
});
