/** What a tunnel should do at this tick of its clock. */
export type Vital = 'fine' | 'ping' | 'dead';

/**
 * Decides when to ping and when the peer is gone: not by pongs, which wait behind payload, but by any byte from it.
 * Times in milliseconds.
 */
export class Liveness {
  #heardAt: number;
  #pingedAt: number;
  #bytesRead = -1;
  readonly #times: { pingInterval: number; silence: number };

  constructor(times: { pingInterval: number; silence: number }, now: number) {
    this.#times = times;
    this.#heardAt = now;
    this.#pingedAt = now;
  }

  /** `bytesRead` is the count of all bytes that ever came from the peer. */
  tick(now: number, bytesRead: number): Vital {
    if (bytesRead !== this.#bytesRead) {
      this.#bytesRead = bytesRead;
      this.#heardAt = now;
    }
    if (now - this.#heardAt >= this.#times.silence) return 'dead';
    if (now - this.#pingedAt < this.#times.pingInterval) return 'fine';
    this.#pingedAt = now;
    return 'ping';
  }
}
