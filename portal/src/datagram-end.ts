/** Where UDP begins and ends at this portal: a client of a listener, or a target. */
export interface DatagramEnd {
  /** Never waits: what the system does not take is dropped and counted. The memory is the caller's again on return. */
  send(datagram: Uint8Array): void;
  /** Set once. The memory is lent until it returns. */
  onDatagram: (datagram: Uint8Array) => void;
  close(): void;
  readonly closed: Promise<void>;
  /** Of a target: where it is. */
  readonly address?: string;
}

/** A program that sends to a listener. What it sends before `onDatagram` is set waits, within bounds. */
export interface DatagramClient extends DatagramEnd {
  /** Its address and port. */
  readonly source: string;
  /** Closes, and ignores this client for a moment: one that goes on sending must not ask the peer at its own pace. */
  refuse(): void;
}

/** What went no further since the start, by why. What a tunnel's flow drops is counted there. */
export interface DatagramDrops {
  /** From a client whose flow was not open yet, beyond what may wait. */
  waiting: number;
  /** From a client that was just refused. */
  refused: number;
  /** To a client or a target: the system did not take it, or nobody listens there. */
  undeliverable: number;
  /** Clients rather than datagrams: their flows were closed because newer ones needed the room. */
  evicted: number;
}

export const noDrops = (): DatagramDrops => ({ waiting: 0, refused: 0, undeliverable: 0, evicted: 0 });
