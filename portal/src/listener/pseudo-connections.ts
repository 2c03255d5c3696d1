import { limits } from '@netport/protocol';
import type { DatagramClient, DatagramDrops } from '../datagram-end.js';

/** Where a datagram came from, and the way back. `key` tells one source at one local address from every other. */
export interface Origin {
  key: string;
  source: string;
  /** From the local address that was asked. */
  reply(datagram: Uint8Array): void;
}

export interface PseudoConnectionsOptions {
  /** Milliseconds without a datagram either way, after which one is closed. */
  idle: number;
  /** How many there may be at once. */
  most: number;
  onClient(client: DatagramClient): void;
  drops: DatagramDrops;
  /** Milliseconds. */
  now: () => number;
}

/** UDP knows no connections, so each source of datagrams is taken for one until it falls silent. */
export class PseudoConnections {
  readonly options: PseudoConnectionsOptions;
  /** In order of the last datagram: the first is the one that has been idle longest. */
  readonly #all = new Map<string, PseudoConnection>();
  #latest: PseudoConnection | undefined;

  constructor(options: PseudoConnectionsOptions) {
    this.options = options;
  }

  get size(): number {
    return this.#all.size;
  }

  receive(origin: Origin, datagram: Uint8Array): void {
    const standing = this.#all.get(origin.key);
    if (standing && !standing.isOver()) {
      standing.receive(datagram);
      return;
    }
    standing?.close();
    const opened = new PseudoConnection(origin, this);
    this.#makeRoom();
    this.#all.set(origin.key, opened);
    this.options.onClient(opened);
    opened.receive(datagram);
  }

  /** Closes what has been idle for too long. */
  sweep(): void {
    for (const connection of this.#all.values()) {
      if (!connection.isOver()) return;
      connection.close();
    }
  }

  close(): void {
    for (const connection of this.#all.values()) connection.close();
  }

  touched(connection: PseudoConnection): void {
    if (connection === this.#latest) return;
    this.#latest = connection;
    this.#all.delete(connection.origin.key);
    this.#all.set(connection.origin.key, connection);
  }

  closed(connection: PseudoConnection): void {
    if (this.#latest === connection) this.#latest = undefined;
    if (this.#all.get(connection.origin.key) === connection) this.#all.delete(connection.origin.key);
  }

  #makeRoom(): void {
    if (this.#all.size < this.options.most) return;
    const [idlest] = this.#all.values();
    idlest?.close();
    this.options.drops.evicted += 1;
  }
}

class PseudoConnection implements DatagramClient {
  readonly origin: Origin;
  readonly closed: Promise<void>;
  readonly #all: PseudoConnections;
  #state: 'waiting' | 'open' | 'refused' | 'closed' = 'waiting';
  #lastAt: number;
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #deliver: (datagram: Uint8Array) => void = () => {};
  #settle: () => void = () => {};

  constructor(origin: Origin, all: PseudoConnections) {
    this.origin = origin;
    this.#all = all;
    this.#lastAt = all.options.now();
    this.closed = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  get source(): string {
    return this.origin.source;
  }

  set onDatagram(deliver: (datagram: Uint8Array) => void) {
    if (this.#state !== 'waiting') return;
    this.#state = 'open';
    this.#deliver = deliver;
    for (const datagram of this.#waiting.splice(0)) deliver(datagram);
  }

  receive(datagram: Uint8Array): void {
    const { drops } = this.#all.options;
    if (this.#state === 'refused') drops.refused += 1;
    else {
      this.#touch();
      if (this.#state === 'open') this.#deliver(datagram);
      else if (!this.#keep(datagram)) drops.waiting += 1;
    }
  }

  send(datagram: Uint8Array): void {
    if (this.#state === 'closed' || this.#state === 'refused') return;
    this.#touch();
    this.origin.reply(datagram);
  }

  /** Idle for too long, or refused long enough. */
  isOver(): boolean {
    const lifetime = this.#state === 'refused' ? limits.flowRefusalHold : this.#all.options.idle;
    return this.#all.options.now() - this.#lastAt >= lifetime;
  }

  refuse(): void {
    if (this.#state === 'closed') return;
    this.#state = 'refused';
    this.#lastAt = this.#all.options.now();
    this.#all.options.drops.refused += this.#waiting.splice(0).length;
    this.#settle();
  }

  close(): void {
    this.#state = 'closed';
    this.#all.closed(this);
    this.#settle();
  }

  #touch(): void {
    this.#lastAt = this.#all.options.now();
    this.#all.touched(this);
  }

  #keep(datagram: Uint8Array): boolean {
    if (this.#waiting.length >= limits.flowWaitingDatagrams) return false;
    if (this.#waitingBytes + datagram.length > limits.flowWaitingBytes) return false;
    this.#waiting.push(new Uint8Array(datagram));
    this.#waitingBytes += datagram.length;
    return true;
  }
}
