import { preambleBytes } from '@netport/protocol';
import type { ConnectionId } from './events.js';

/** A connection whose preamble is not whole yet. */
export interface HalfOpen {
  /** Where it came in. */
  readonly port: number;
  readonly expiresAt: number;
  readonly preamble: Uint8Array;
  /** How much of the preamble has arrived. */
  length: number;
}

export interface HalfOpenLimits {
  preambleTimeout: number;
  halfOpenPerPort: number;
  halfOpenPerRelay: number;
  halfOpenOnLegPort: number;
}

/** All half-open connections. They share one timeout, so the order of arrival is the order of the deadlines. */
export class HalfOpenTable {
  readonly #limits: HalfOpenLimits;
  readonly #all = new Map<ConnectionId, HalfOpen>();
  readonly #byPort = new Map<number, Set<ConnectionId>>();
  readonly #legPort: number | undefined;

  constructor(limits: HalfOpenLimits, legPort?: number) {
    this.#limits = limits;
    this.#legPort = legPort;
  }

  get size(): number {
    return this.#all.size;
  }

  nextDeadline(): number | undefined {
    return this.#all.values().next().value?.expiresAt;
  }

  get(connection: ConnectionId): HalfOpen | undefined {
    return this.#all.get(connection);
  }

  on(port: number): ConnectionId[] {
    return [...(this.#byPort.get(port) ?? [])];
  }

  add(connection: ConnectionId, port: number, now: number): void {
    const expiresAt = now + this.#limits.preambleTimeout;
    this.#all.set(connection, { port, expiresAt, preamble: new Uint8Array(preambleBytes), length: 0 });
    const onPort = this.#byPort.get(port);
    if (onPort) onPort.add(connection);
    else this.#byPort.set(port, new Set([connection]));
  }

  /** False when it was none of them. */
  remove(connection: ConnectionId): boolean {
    const port = this.#all.get(connection)?.port;
    if (port === undefined) return false;
    const onPort = this.#byPort.get(port);
    onPort?.delete(connection);
    if (onPort?.size === 0) this.#byPort.delete(port);
    return this.#all.delete(connection);
  }

  /** Whose deadline has passed. */
  overdue(now: number): ConnectionId[] {
    const found: ConnectionId[] = [];
    for (const [connection, { expiresAt }] of this.#all) {
      if (expiresAt > now) break;
      found.push(connection);
    }
    return found;
  }

  /**
   * Who has to go before one more may come to this port. The oldest makes room, not the newest: who binds at once gets
   * through, whoever squats on the port.
   */
  surplus(port: number): ConnectionId | undefined {
    const onPort = this.#byPort.get(port);
    const room = port === this.#legPort ? this.#limits.halfOpenOnLegPort : this.#limits.halfOpenPerPort;
    if (onPort && onPort.size >= room) return onPort.values().next().value;
    return this.#all.size >= this.#limits.halfOpenPerRelay ? this.#all.keys().next().value : undefined;
  }
}
