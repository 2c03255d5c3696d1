import { limits, type SpiffeId } from '@netport/protocol';
import type { Tunnel } from '../tunnel/tunnel.js';

/** A tunnel over QUIC that is on its way, and what gives it up. */
export interface Trial {
  tunnel: Promise<Tunnel>;
  abandon: AbortController;
}

export interface QuicTrialsOptions {
  /** Asked when a trial is due. If not, the next dial takes care. */
  isWanted(peer: SpiffeId): boolean;
  begin(peer: SpiffeId, abandon: AbortSignal): Promise<Tunnel>;
  onUp(tunnel: Tunnel): void;
  onFailed(peer: SpiffeId, thrown: unknown): void;
  /** Takes a tunnel that came up after its trial was cancelled. */
  discard(late: Tunnel): void;
}

/** For each peer whose streams go over TCP for want of QUIC: the trial of QUIC that runs beside it, or is to come. */
export class QuicTrials {
  readonly #options: QuicTrialsOptions;
  readonly #trials = new Map<SpiffeId, { timer?: NodeJS.Timeout; abandon: AbortController }>();

  constructor(options: QuicTrialsOptions) {
    this.#options = options;
  }

  get peers(): SpiffeId[] {
    return [...this.#trials.keys()];
  }

  has(peer: SpiffeId): boolean {
    return this.#trials.has(peer);
  }

  /** In place of whatever runs, or is to come. `pause` in milliseconds. */
  later(peer: SpiffeId, pause: number): void {
    this.cancel(peer);
    const abandon = new AbortController();
    const timer = setTimeout(() => this.#begin(peer, abandon), pause);
    this.#trials.set(peer, { timer: timer.unref(), abandon });
  }

  /** Takes over one that somebody else began. */
  goOnWith(peer: SpiffeId, trial: Trial): void {
    this.cancel(peer);
    this.#trials.set(peer, { abandon: trial.abandon });
    void this.#await(peer, trial);
  }

  cancel(peer: SpiffeId): void {
    const trial = this.#trials.get(peer);
    clearTimeout(trial?.timer);
    this.#trials.delete(peer);
    trial?.abandon.abort();
  }

  stop(): void {
    for (const peer of this.peers) this.cancel(peer);
  }

  #begin(peer: SpiffeId, abandon: AbortController): void {
    const { isWanted, begin } = this.#options;
    if (isWanted(peer)) void this.#await(peer, { tunnel: begin(peer, abandon.signal), abandon });
    else this.cancel(peer);
  }

  async #await(peer: SpiffeId, { tunnel, abandon }: Trial): Promise<void> {
    const { onUp, onFailed, discard } = this.#options;
    const timer = setTimeout(() => abandon.abort(), limits.quicRetryTimeout);
    const isCancelled = (): boolean => this.#trials.get(peer)?.abandon !== abandon;
    try {
      const up = await tunnel;
      if (isCancelled()) {
        discard(up);
      } else {
        this.#trials.delete(peer);
        onUp(up);
      }
    } catch (thrown) {
      if (!isCancelled()) onFailed(peer, thrown);
    } finally {
      clearTimeout(timer);
    }
  }
}
