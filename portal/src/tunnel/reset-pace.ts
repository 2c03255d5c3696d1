import type { Http2Stream } from 'node:http2';

/**
 * An HTTP/2 server gives up a session whose client resets 1000 streams at once, or 33 a second for long: nghttp2's
 * defence against rapid reset (CVE-2023-44487), which Node does not let a server relax. A client that stays below keeps
 * the tunnel; the application's end is closed at once either way.
 */
const burst = 900;
const perSecond = 30;

/** Spends resets no faster than the peer takes them; the rest wait their turn, at most one for each stream. */
export class ResetPace {
  readonly #waiting = new Map<Http2Stream, () => void>();
  #left = burst;
  #refilledAt = performance.now();
  #timer: NodeJS.Timeout | undefined;

  run(stream: Http2Stream, reset: () => void): void {
    this.#waiting.set(stream, reset);
    this.#spend();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#waiting.clear();
  }

  #spend(): void {
    const now = performance.now();
    this.#left = Math.min(burst, this.#left + ((now - this.#refilledAt) / 1000) * perSecond);
    this.#refilledAt = now;
    for (const [stream, reset] of this.#waiting) {
      // One that closed meanwhile costs nothing.
      if (!stream.destroyed) {
        if (this.#left < 1) break;
        this.#left -= 1;
        reset();
      }
      this.#waiting.delete(stream);
    }
    clearTimeout(this.#timer);
    if (this.#waiting.size > 0) this.#timer = setTimeout(() => this.#spend(), 1000 / perSecond);
  }
}
