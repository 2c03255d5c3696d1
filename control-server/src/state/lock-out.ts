import { limits } from '@netport/protocol';

interface Tries {
  wrong: number;
  /** No try counts before this time. */
  until: number;
}

/**
 * Who tried wrong passwords waits: after the first few, twice as long with each. Pure: the time, in milliseconds, is passed in.
 * It is in memory, for as many keys as there are sources; those that tried longest ago start anew.
 */
export class LockOut {
  readonly #tries = new Map<string, Tries>();
  readonly #free: number;

  /** `free`: how many wrong tries cost nothing. */
  constructor(free: number) {
    this.#free = free;
  }

  /** How long this key has to wait; 0: it may try, and that counts as wrong until `right` says otherwise, so that many at once gain nothing. */
  take(key: string, now: number): number {
    const known = this.#tries.get(key);
    if (known && now < known.until) return known.until - now;
    const wrong = known && now - known.until < limits.lockOutForget ? known.wrong + 1 : 1;
    const wait = wrong < this.#free ? 0 : Math.min(limits.lockOutMax, limits.lockOutBase * 2 ** (wrong - this.#free));
    this.#tries.delete(key);
    this.#tries.set(key, { wrong, until: now + wait });
    const [oldest] = this.#tries.keys();
    if (this.#tries.size > limits.signInSources && oldest !== undefined) this.#tries.delete(oldest);
    return 0;
  }

  right(key: string): void {
    this.#tries.delete(key);
  }

  /** Takes one try back, of a key that has others to answer for. */
  forgive(key: string, now: number): void {
    const known = this.#tries.get(key);
    if (known) this.#tries.set(key, { wrong: Math.max(0, known.wrong - 1), until: now });
  }
}
