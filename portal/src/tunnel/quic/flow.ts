import { limits, readVarint, varintBytes, writeVarint } from '@netport/protocol';
import { CapsuleFlow, type FlowQueue } from '../capsule-flow.js';
import type { TunnelFlow } from '../tunnel.js';
import type { QuicDriver } from './driver.js';
import type { QuicStream } from './stream.js';

/** A client's bidirectional streams have the ids 0, 4, 8, …: a quarter of it is enough to name one (RFC 9297 §2.1). */
const idsPerStream = 4;

/** Frames are put together here: the stack copies them. */
const frame = Buffer.alloc(limits.quicPacketBytes);

/** Which stream a DATAGRAM frame belongs to, and what it carries. */
export function decodeFrame(bytes: Uint8Array): { stream: number; datagram: Uint8Array } | undefined {
  const quarter = readVarint(bytes);
  return quarter && { stream: quarter.value * idsPerStream, datagram: bytes.subarray(quarter.next) };
}

/** A flow on an accepted stream: DATAGRAM frames beside the stream, and capsules on it for what a frame cannot hold. */
export class QuicFlow implements TunnelFlow {
  readonly #driver: QuicDriver;
  readonly #quarter: number;
  readonly #largest: number;
  readonly #onStream: CapsuleFlow;
  #deliver: (datagram: Uint8Array) => void = () => {};
  #open = true;

  constructor(stream: QuicStream, driver: QuicDriver, queue: FlowQueue) {
    this.#driver = driver;
    this.#quarter = stream.id / idsPerStream;
    this.#largest = (driver.quic.dgramMaxWritableLen() ?? 0) - varintBytes(this.#quarter);
    this.#onStream = new CapsuleFlow(stream, queue, () => stream.reset());
    void this.closed.then(() => {
      this.#open = false;
    });
  }

  get counters() {
    return this.#onStream.counters;
  }

  get closed() {
    return this.#onStream.closed;
  }

  send(datagram: Uint8Array): void {
    const { counters } = this;
    if (datagram.length > this.#largest) {
      this.#onStream.send(datagram);
      return;
    }
    const start = writeVarint(frame, 0, this.#quarter);
    frame.set(datagram, start);
    if (this.#open && this.#driver.sendDatagram(frame.subarray(0, start + datagram.length))) {
      counters.datagramsSent += 1;
      counters.bytesSent += datagram.length;
    } else {
      counters.dropped += 1;
    }
  }

  /** From a frame. */
  receive(datagram: Uint8Array): void {
    if (!this.#open) return;
    this.counters.datagramsReceived += 1;
    this.counters.bytesReceived += datagram.length;
    this.#deliver(datagram);
  }

  set onDatagram(deliver: (datagram: Uint8Array) => void) {
    this.#deliver = deliver;
    this.#onStream.onDatagram = deliver;
  }

  close(): void {
    this.#open = false;
    this.#onStream.close();
  }
}
