import type { Duplex } from 'node:stream';
import { CapsuleDecoder, encodeDatagramCapsule, limits } from '@netport/protocol';
import { noDatagrams, type TunnelFlow } from './tunnel.js';

/** Bytes that the flows of one tunnel have waiting together. */
export interface FlowQueue {
  bytes: number;
}

/** A flow on an accepted stream that is paused: its datagrams are capsules. */
export class CapsuleFlow implements TunnelFlow {
  readonly counters = noDatagrams();
  readonly closed: Promise<void>;
  readonly #stream: Duplex;
  readonly #queue: FlowQueue;
  readonly #breakOff: () => void;
  #waiting = 0;
  #closing: NodeJS.Timeout | undefined;
  #settle: () => void = () => {};

  constructor(stream: Duplex, queue: FlowQueue, breakOff: () => void) {
    this.#stream = stream;
    this.#queue = queue;
    this.#breakOff = breakOff;
    this.closed = new Promise((resolve) => {
      this.#settle = resolve;
    });
    stream.once('end', () => this.close());
    stream.once('close', () => {
      clearTimeout(this.#closing);
      this.#settle();
    });
    if (stream.destroyed) this.#settle();
  }

  send(datagram: Uint8Array): void {
    const stream = this.#stream;
    if (datagram.length > limits.datagramBytes || stream.destroyed || stream.writableEnded || this.#isFull(datagram)) {
      this.counters.dropped += 1;
      return;
    }
    const capsule = encodeDatagramCapsule(datagram);
    // What comes in one turn of the event loop leaves in one write: one TLS record for many datagrams.
    if (stream.writableCorked === 0) {
      stream.cork();
      setImmediate(() => stream.uncork());
    }
    this.#waiting += capsule.length;
    this.#queue.bytes += capsule.length;
    stream.write(capsule, () => {
      this.#waiting -= capsule.length;
      this.#queue.bytes -= capsule.length;
    });
    this.counters.datagramsSent += 1;
    this.counters.bytesSent += datagram.length;
  }

  set onDatagram(deliver: (datagram: Uint8Array) => void) {
    const { counters } = this;
    const decoder = new CapsuleDecoder((payload) => {
      if (this.#closing) return;
      counters.datagramsReceived += 1;
      counters.bytesReceived += payload.length;
      deliver(payload);
    });
    this.#stream.on('data', (chunk: Buffer) => {
      try {
        decoder.push(chunk);
      } catch {
        // RFC 9297 §3.3: where the next capsule begins can no longer be told.
        this.#breakOff();
      }
    });
    // Paused until somebody would listen.
    this.#stream.resume();
  }

  /** An end and not a reset: flows come and go by the thousand, and resets are rationed. */
  close(): void {
    if (this.#closing || this.#stream.destroyed) return;
    this.#closing = setTimeout(this.#breakOff, limits.flowCloseTimeout);
    this.#stream.end();
    this.#stream.resume();
    this.#settle();
  }

  #isFull({ length }: Uint8Array): boolean {
    const { flowQueueBytes, tunnelFlowQueueBytes } = limits;
    return this.#waiting + length > flowQueueBytes || this.#queue.bytes + length > tunnelFlowQueueBytes;
  }
}
