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

/** One bucket for each key, such as a source address. When there are too many, those that were quiet longest start anew. */
export class RateLimits {
  readonly #buckets = new Map<string, RateLimit>();
  readonly #make: (now: number) => RateLimit;
  readonly #max: number;

  constructor(make: (now: number) => RateLimit, max: number) {
    this.#make = make;
    this.#max = max;
  }

  take(key: string, now: number): boolean {
    const bucket = this.#buckets.get(key) ?? this.#make(now);
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    const [oldest] = this.#buckets.keys();
    if (this.#buckets.size > this.#max && oldest !== undefined) this.#buckets.delete(oldest);
    return bucket.take(now);
  }
}
