import { limits, type SpiffeId } from '@netport/protocol';
import { learn, type QuicEvent, type QuicRecord } from './transport-choice.js';

/** What this portal knows of QUIC, by network and peer: either end's network may stop UDP. Bounded: the longest unused goes. */
export class QuicRecords {
  /** In order of use. */
  readonly #records = new Map<string, QuicRecord>();

  of(network: string, peer: SpiffeId): QuicRecord | undefined {
    return this.#records.get(keyOf(network, peer));
  }

  /** `now` in milliseconds. */
  learn(network: string, peer: SpiffeId, event: QuicEvent, now: number): void {
    const key = keyOf(network, peer);
    const record = learn(this.#records.get(key), event, now);
    this.#records.delete(key);
    this.#records.set(key, record);
    const [oldest] = this.#records.keys();
    if (this.#records.size > limits.quicRecords && oldest) this.#records.delete(oldest);
  }
}

const keyOf = (network: string, peer: SpiffeId): string => `${network} ${peer}`;
