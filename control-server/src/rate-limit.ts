/** A token bucket: `burst` at once, refilled at `perSecond`. Pure: the time, in milliseconds, is passed in. */
export class RateLimit {
  readonly #burst: number;
  readonly #perSecond: number;
  #left: number;
  #at: number;

  constructor(options: { burst: number; perSecond: number; now: number }) {
    this.#burst = options.burst;
    this.#perSecond = options.perSecond;
    this.#left = options.burst;
    this.#at = options.now;
  }

  /** Whether one more is within the limit; it is counted if so. */
  take(now: number): boolean {
    const refill = (Math.max(0, now - this.#at) / 1000) * this.#perSecond;
    this.#left = Math.min(this.#burst, this.#left + refill);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left -= 1;
    return true;
  }
}

/** `perMinute` of them at once, then evenly. */
export const perMinute = (count: number, now: number): RateLimit =>
  new RateLimit({ burst: count, perSecond: count / 60, now });
