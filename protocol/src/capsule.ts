import { NetportError } from './errors.js';
import { limits } from './limits.js';
import { readVarint, varintBytes, writeVarint } from './varint.js';

/**
 * Datagrams on a stream of bytes: capsules (RFC 9297 §3.2) of the type DATAGRAM, whose value is a UDP payload in the
 * context 0 of connect-udp (RFC 9298 §5).
 *
 *     +----------------+------------------+----------------+-----------------------+
 *     | type = 0       | length, 1 to 4   | context = 0    | payload,              |
 *     | (varint, 1 byte)| bytes (varint)  | (varint, 1 byte)| length − 1 bytes     |
 *     +----------------+------------------+----------------+-----------------------+
 */
const datagramType = 0;
const payloadContext = 0;
const contextBytes = varintBytes(payloadContext);
/** A context id may be written in its longest form. */
const largestValue = limits.datagramBytes + 8;

/** One capsule, whole. The payload is at most `limits.datagramBytes` long. */
export function encodeDatagramCapsule(payload: Uint8Array): Uint8Array {
  const length = contextBytes + payload.length;
  const capsule = new Uint8Array(varintBytes(datagramType) + varintBytes(length) + length);
  let at = writeVarint(capsule, 0, datagramType);
  at = writeVarint(capsule, at, length);
  at = writeVarint(capsule, at, payloadContext);
  capsule.set(payload, at);
  return capsule;
}

/** A DATAGRAM capsule of which only a part has come. Grows with what comes, not with what was announced. */
interface Unfinished {
  readonly length: number;
  bytes: Uint8Array;
  filled: number;
}

/**
 * Takes datagrams out of a stream of capsules, however it is cut into chunks. Other capsules are skipped, and so are
 * datagrams of other contexts. A payload may share memory with the chunk that it came in.
 */
export class CapsuleDecoder {
  readonly #onDatagram: (payload: Uint8Array) => void;
  /** Of a capsule whose type and length have not come whole: less than 16 bytes. */
  #header: Uint8Array = new Uint8Array(0);
  #unfinished: Unfinished | undefined;
  #toSkip = 0;

  constructor(onDatagram: (payload: Uint8Array) => void) {
    this.#onDatagram = onDatagram;
  }

  /** Throws `protocol_error` at a datagram that is too large or has no context; the stream is then beyond repair. */
  push(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#toSkip > 0) at += this.#skip(chunk.length - at);
      else if (this.#unfinished) at += this.#fill(this.#unfinished, chunk.subarray(at));
      else at = this.#begin(chunk, at);
    }
  }

  #skip(available: number): number {
    const skipped = Math.min(this.#toSkip, available);
    this.#toSkip -= skipped;
    return skipped;
  }

  #fill(unfinished: Unfinished, available: Uint8Array): number {
    const taken = available.subarray(0, unfinished.length - unfinished.filled);
    const filled = unfinished.filled + taken.length;
    if (filled > unfinished.bytes.length) {
      const grown = new Uint8Array(Math.min(unfinished.length, Math.max(filled, 2 * unfinished.bytes.length)));
      grown.set(unfinished.bytes);
      unfinished.bytes = grown;
    }
    unfinished.bytes.set(taken, unfinished.filled);
    unfinished.filled = filled;
    if (filled === unfinished.length) {
      this.#unfinished = undefined;
      this.#deliver(unfinished.bytes);
    }
    return taken.length;
  }

  /** Reads type and length, and the value too where all of it is there. Returns the offset behind what it took. */
  #begin(chunk: Uint8Array, at: number): number {
    if (this.#header.length > 0) return this.#continueHeader(chunk, at);
    const type = readVarint(chunk, at);
    const length = type && readVarint(chunk, type.next);
    if (!length) {
      this.#header = chunk.slice(at);
      return chunk.length;
    }
    const { next } = length;
    const end = next + length.value;
    if (type.value !== datagramType || end > chunk.length) {
      this.#expect(type.value, length.value);
      return next;
    }
    this.#deliver(chunk.subarray(next, end));
    return end;
  }

  /** Type and length are seldom cut apart: one byte at a time will do. */
  #continueHeader(chunk: Uint8Array, at: number): number {
    const header = new Uint8Array(this.#header.length + 1);
    header.set(this.#header);
    header.set(chunk.subarray(at, at + 1), this.#header.length);
    const type = readVarint(header);
    const length = type && readVarint(header, type.next);
    this.#header = length ? new Uint8Array(0) : header;
    if (length) this.#expect(type.value, length.value);
    return at + 1;
  }

  /** Prepares for a value that is still to come. */
  #expect(type: number, length: number): void {
    if (type !== datagramType) this.#toSkip = length;
    else if (length > largestValue) throw new NetportError('protocol_error', `capsule: a datagram of ${length} bytes`);
    else if (length === 0) throw new NetportError('protocol_error', 'capsule: a datagram without its context');
    else this.#unfinished = { length, bytes: new Uint8Array(0), filled: 0 };
  }

  #deliver(value: Uint8Array): void {
    const context = readVarint(value);
    if (!context) throw new NetportError('protocol_error', 'capsule: a datagram without its context');
    if (context.value !== payloadContext) return;
    const payload = value.subarray(context.next);
    if (payload.length > limits.datagramBytes) {
      throw new NetportError('protocol_error', `capsule: a datagram of ${payload.length} bytes`);
    }
    this.#onDatagram(payload);
  }
}
