import type { DatagramPath } from '../tunnel/quic/path.js';

/** What becomes of one datagram: how often it arrives, and how many others overtake it. */
export type Fate = () => { copies: number; overtaken: number };

const safe: Fate = () => ({ copies: 1, overtaken: 0 });
/** What a device on the way holds; more is lost. */
const queueLength = 2000;

/** A path without a network, and what a test may do to it. */
export class TestPath implements DatagramPath {
  /** What it carried, if a test wants to look. */
  watch: (datagram: Uint8Array) => void = () => {};
  mute = false;
  closed = false;
  #onDatagrams: ((datagrams: Uint8Array[]) => void) | undefined;
  readonly #fate: Fate;
  #peer: TestPath | undefined;
  #queue: { datagram: Uint8Array; after: number }[] = [];
  #sent = 0;
  #turn: NodeJS.Immediate | undefined;

  constructor(fate: Fate) {
    this.#fate = fate;
  }

  set onDatagrams(listener: (datagrams: Uint8Array[]) => void) {
    this.#onDatagrams = listener;
    // The first flight may come before anybody listens.
    if (this.#peer) this.#peer.#deliver();
  }

  static join(one: TestPath, other: TestPath): void {
    one.#peer = other;
    other.#peer = one;
  }

  sendMany(datagrams: readonly Uint8Array[], count: number): number {
    for (const datagram of datagrams.slice(0, count)) {
      this.watch(datagram);
      const { copies, overtaken } = this.#fate();
      for (let i = 0; i < copies && this.#queue.length < queueLength; i += 1) this.inject(datagram, overtaken);
    }
    return count;
  }

  /** Something for the peer that this end did not send. */
  inject(datagram: Uint8Array, overtaken = 0): void {
    this.#sent += 1;
    this.#queue.push({ datagram: Uint8Array.from(datagram), after: this.#sent + overtaken });
    this.#turn ??= setImmediate(() => this.#deliver());
  }

  close(): void {
    this.closed = true;
  }

  #deliver(): void {
    this.#turn = undefined;
    const listener = this.#peer ? this.#peer.#onDatagrams : undefined;
    if (!listener) return;
    const datagrams = this.#queue.sort((one, other) => one.after - other.after).map(({ datagram }) => datagram);
    this.#queue = [];
    if (!this.mute && !this.#peer?.closed && datagrams.length > 0) listener(datagrams);
  }
}

/** Two ends of a path. */
export function datagramPaths(fate: Fate = safe): [TestPath, TestPath] {
  const near = new TestPath(fate);
  const far = new TestPath(fate);
  TestPath.join(near, far);
  return [near, far];
}
