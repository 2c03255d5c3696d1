import type { CircuitId, Transport } from '@netport/protocol';
import type { ConnectionId } from './events.js';

/** One portal's side of a circuit. */
export interface Leg {
  readonly token: Uint8Array;
  port: number;
  listening: boolean;
  bound: ConnectionId | undefined;
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

export const newLeg = (port: number, token: Uint8Array): Leg => ({ port, token, listening: false, bound: undefined });
