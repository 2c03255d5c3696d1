import { limits } from '@netport/protocol';
import { noDatagrams, type TunnelFlow } from './tunnel.js';

/** One end of a flow without a network. */
export class MemoryFlow implements TunnelFlow {
  readonly counters = noDatagrams();
  readonly closed: Promise<void>;
  onDatagram: (datagram: Uint8Array) => void = () => {};
  #other: MemoryFlow | undefined;
  #settle: () => void = () => {};

  static pair(): [MemoryFlow, MemoryFlow] {
    const near = new MemoryFlow();
    const far = new MemoryFlow();
    near.#other = far;
    far.#other = near;
    return [near, far];
  }

  private constructor() {
    this.closed = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  send(datagram: Uint8Array): void {
    const other = this.#other;
    if (!other || datagram.length > limits.datagramBytes) {
      this.counters.dropped += 1;
      return;
    }
    this.counters.datagramsSent += 1;
    this.counters.bytesSent += datagram.length;
    const copy = new Uint8Array(datagram);
    setImmediate(() => other.#receive(copy));
  }

  close(): void {
    const other = this.#other;
    this.#other = undefined;
    this.#settle();
    other?.close();
  }

  #receive(datagram: Uint8Array): void {
    if (!this.#other) return;
    this.counters.datagramsReceived += 1;
    this.counters.bytesReceived += datagram.length;
    this.onDatagram(datagram);
  }
}
