import { preambleBytes } from '@netport/protocol';
import type { Leg, Place } from './circuit.js';
import type { ConnectionId } from './events.js';

/** A connection whose preamble is not whole yet. */
export interface HalfOpen extends Place {
  readonly expiresAt: number;
  readonly preamble: Uint8Array;
  /** How much of the preamble has arrived. */
  length: number;
}

export interface HalfOpenLimits {
  preambleTimeout: number;
  halfOpenPerPort: number;
  halfOpenPerRelay: number;
}

/** All half-open connections. They share one timeout, so the order of arrival is the order of the deadlines. */
export class HalfOpenTable {
  readonly #limits: HalfOpenLimits;
  readonly #all = new Map<ConnectionId, HalfOpen>();
  readonly #byLeg = new Map<Leg, Set<ConnectionId>>();

  constructor(limits: HalfOpenLimits) {
    this.#limits = limits;
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

  of(leg: Leg): ConnectionId[] {
    return [...(this.#byLeg.get(leg) ?? [])];
  }

  add(connection: ConnectionId, { circuit, leg }: Place, now: number): void {
    const expiresAt = now + this.#limits.preambleTimeout;
    this.#all.set(connection, { circuit, leg, expiresAt, preamble: new Uint8Array(preambleBytes), length: 0 });
    const ofLeg = this.#byLeg.get(leg);
    if (ofLeg) ofLeg.add(connection);
    else this.#byLeg.set(leg, new Set([connection]));
  }

  /** False when it was none of them. */
  remove(connection: ConnectionId): boolean {
    const leg = this.#all.get(connection)?.leg;
    if (!leg) return false;
    const ofLeg = this.#byLeg.get(leg);
    ofLeg?.delete(connection);
    if (ofLeg?.size === 0) this.#byLeg.delete(leg);
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
   * Who has to go before one more may come to this leg. The oldest makes room, not the newest: who binds at once gets
   * through, whoever squats on the port.
   */
  surplus(leg: Leg): ConnectionId | undefined {
    const ofLeg = this.#byLeg.get(leg);
    if (ofLeg && ofLeg.size >= this.#limits.halfOpenPerPort) return ofLeg.values().next().value;
    return this.#all.size >= this.#limits.halfOpenPerRelay ? this.#all.keys().next().value : undefined;
  }
}
