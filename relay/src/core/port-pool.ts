export interface PortRange {
  first: number;
  last: number;
}

/** Which ports of the range are free. A released port rests until an instant that the caller names. */
export class PortPool {
  readonly #range: PortRange;
  readonly #inUse = new Set<number>();
  readonly #restingUntil = new Map<number, number>();
  #next: number;

  constructor(range: PortRange) {
    this.#range = range;
    this.#next = range.first;
  }

  get inUse(): number {
    return this.#inUse.size;
  }

  /** A free port, or undefined when there is none at `now`. Goes round the range, so that the longest-released port comes first. */
  take(now: number): number | undefined {
    const { first, last } = this.#range;
    for (let tried = first; tried <= last; tried++) {
      const port = this.#next;
      this.#next = port === last ? first : port + 1;
      if (this.#inUse.has(port) || (this.#restingUntil.get(port) ?? now) > now) continue;
      this.#restingUntil.delete(port);
      this.#inUse.add(port);
      return port;
    }
    return undefined;
  }

  /** A port that is in use already, by what an earlier process left. Of no concern when it is outside of the range. */
  reserve(port: number): void {
    if (port >= this.#range.first && port <= this.#range.last) this.#inUse.add(port);
  }

  release(port: number, restsUntil: number): void {
    if (this.#inUse.delete(port)) this.#restingUntil.set(port, restsUntil);
  }
}
