import type { Socket } from 'node:net';
import type { ErrorCode, LegCounters } from '@netport/protocol';

/** How the two legs of a circuit are joined. Nothing above this interface knows which one it is. */
export interface Datapath {
  readonly kind: 'userspace' | 'xdp';
  /**
   * Sends the ready mark on both legs and forwards everything after it, until both are closed. The sockets belong to the
   * datapath from here on. The mark is part of it because a datapath that moves legs into the kernel has to know the
   * sequence numbers before the mark leaves.
   */
  join(legs: readonly [Socket, Socket]): Join;
}

/** Two legs that are joined. */
export interface Join {
  readonly datapath: LegCounters['datapath'];
  /** Bytes that came in from the first and from the second leg so far. */
  counters(): [number, number];
  /** Closes both legs at once. */
  end(): void;
  /** Both legs are closed: `circuit_closed` when each side ended in order, `tunnel_lost` when one broke. */
  readonly closed: Promise<ErrorCode>;
}
