import { type Cipher, createHash } from 'node:crypto';
import { payloadCipher } from './payload.js';
import { deferred } from './wait.js';

/**
 * Bytes over datagrams that may be lost, doubled or swapped: numbered, acknowledged, and sent again.
 *
 *     data            1 | sequence (4) | 1 when it is the last | payload
 *     acknowledgement 2 | all below this have come (4) | bitmap of the 128 from there on
 */
const data = 1;
const acknowledgement = 2;
const headBytes = 6;
const windowSize = 128;
const ackBytes = 5 + windowSize / 8;
/** A datagram counts as lost when this many that were sent later have come, or after this many milliseconds. */
const reordering = 16;
const lossTimeout = 200;
const ackEvery = 16;
const ackDelay = 2;

type Send = (bytes: Uint8Array) => void;

export interface Transfer {
  bytes: number;
  sha256: string;
  /** Without those that were sent again. */
  datagrams: number;
  /** Sent again, or come twice. */
  again: number;
}

export interface TransferOptions {
  send: Send;
  /** Called about every hundredth part, with bytes so far. */
  onProgress?: (bytes: number) => void;
}

interface Outstanding {
  bytes: Uint8Array;
  order: number;
  sentAt: number;
}

export interface DatagramSenderOptions extends TransferOptions {
  bytes: number;
  size: number;
  /** From so many bytes on, one datagram at a time, until `hurry`: what is to happen in the middle happens there. */
  slowAfter?: number;
}

/** Sends `bytes` bytes that only this seed gives, in datagrams of at most `size`. */
export class DatagramSender {
  readonly done: Promise<Transfer>;
  readonly #options: DatagramSenderOptions;
  readonly #resolve: (transfer: Transfer) => void;
  readonly #cipher: Cipher;
  readonly #hash = createHash('sha256');
  readonly #outstanding = new Map<number, Outstanding>();
  readonly #total: number;
  readonly #timer: NodeJS.Timeout;
  #next = 0;
  #acknowledged = 0;
  #order = 0;
  #again = 0;
  #slowAfter: number;

  constructor(options: DatagramSenderOptions & { seed: number }) {
    this.#options = options;
    this.#slowAfter = options.slowAfter ?? Number.POSITIVE_INFINITY;
    this.#cipher = payloadCipher(options.seed);
    this.#total = Math.max(1, Math.ceil(options.bytes / (options.size - headBytes)));
    const { promise, resolve } = deferred<Transfer>();
    this.done = promise;
    this.#resolve = resolve;
    this.#timer = setInterval(() => this.#resend(Number.NEGATIVE_INFINITY), lossTimeout / 10);
    this.#fill();
  }

  received(bytes: Buffer): void {
    if (bytes[0] !== acknowledgement || bytes.length !== ackBytes) return;
    const from = bytes.readUInt32BE(1);
    let newest = Number.NEGATIVE_INFINITY;
    for (const [sequence, { order }] of this.#outstanding) {
      const bit = sequence - from;
      if (bit >= 0 && !((bytes[5 + (bit >> 3)] ?? 0) & (1 << (bit & 7)))) continue;
      newest = Math.max(newest, order);
      this.#outstanding.delete(sequence);
    }
    if (from > this.#acknowledged) this.#progress(from);
    this.#resend(newest - reordering);
    this.#fill();
  }

  hurry(): void {
    this.#slowAfter = Number.POSITIVE_INFINITY;
    this.#fill();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #progress(acknowledged: number): void {
    const part = Math.ceil(this.#total / 100);
    const { bytes, size, onProgress } = this.#options;
    if (Math.floor(acknowledged / part) > Math.floor(this.#acknowledged / part)) {
      onProgress?.(Math.min(bytes, acknowledged * (size - headBytes)));
    }
    this.#acknowledged = acknowledged;
    if (acknowledged < this.#total) return;
    this.close();
    this.#resolve({ bytes, sha256: this.#hash.digest('hex'), datagrams: this.#total, again: this.#again });
  }

  #fill(): void {
    const slow = this.#acknowledged * (this.#options.size - headBytes) >= this.#slowAfter;
    // The receiver keeps no more than a window either.
    while (this.#next < Math.min(this.#total, this.#acknowledged + (slow ? 1 : windowSize))) {
      const sequence = this.#next++;
      const bytes = this.#datagram(sequence);
      this.#outstanding.set(sequence, { bytes, order: this.#order++, sentAt: performance.now() });
      this.#options.send(bytes);
    }
  }

  #datagram(sequence: number): Uint8Array {
    const { bytes, size } = this.#options;
    const room = size - headBytes;
    const payload = this.#cipher.update(Buffer.alloc(Math.min(room, bytes - sequence * room)));
    this.#hash.update(payload);
    const head = Buffer.alloc(headBytes);
    head[0] = data;
    head.writeUInt32BE(sequence, 1);
    head[5] = sequence === this.#total - 1 ? 1 : 0;
    return Buffer.concat([head, payload]);
  }

  /** Sends again what was sent before `order` or too long ago. */
  #resend(order: number): void {
    const now = performance.now();
    for (const waiting of this.#outstanding.values()) {
      if (waiting.order >= order && now - waiting.sentAt < lossTimeout) continue;
      waiting.order = this.#order++;
      waiting.sentAt = now;
      this.#again++;
      this.#options.send(waiting.bytes);
    }
  }
}

/** Receives what one `DatagramSender` sends. */
export class DatagramReceiver {
  readonly done: Promise<Transfer>;
  readonly #options: TransferOptions;
  readonly #resolve: (transfer: Transfer) => void;
  readonly #hash = createHash('sha256');
  readonly #early = new Map<number, Buffer>();
  #next = 0;
  #bytes = 0;
  #again = 0;
  #unacknowledged = 0;
  #timer: NodeJS.Timeout | undefined;
  #finished = false;

  constructor(options: TransferOptions) {
    this.#options = options;
    const { promise, resolve } = deferred<Transfer>();
    this.done = promise;
    this.#resolve = resolve;
  }

  received(bytes: Buffer): void {
    if (bytes[0] !== data || bytes.length < headBytes) return;
    const sequence = bytes.readUInt32BE(1);
    if (sequence >= this.#next + windowSize) return;
    if (sequence < this.#next || this.#early.has(sequence)) this.#again++;
    else this.#early.set(sequence, bytes);
    this.#deliver();
    if (++this.#unacknowledged >= ackEvery || this.#finished) this.#acknowledge();
    else this.#timer ??= setTimeout(() => this.#acknowledge(), ackDelay);
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #deliver(): void {
    for (let bytes = this.#early.get(this.#next); bytes; bytes = this.#early.get(this.#next)) {
      this.#early.delete(this.#next++);
      this.#hash.update(bytes.subarray(headBytes));
      this.#bytes += bytes.length - headBytes;
      if (this.#next % 10_000 === 0) this.#options.onProgress?.(this.#bytes);
      if (bytes[5] !== 1) continue;
      this.#finished = true;
      const sha256 = this.#hash.digest('hex');
      this.#resolve({ bytes: this.#bytes, sha256, datagrams: this.#next, again: this.#again });
    }
  }

  #acknowledge(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#unacknowledged = 0;
    const ack = Buffer.alloc(ackBytes);
    ack[0] = acknowledgement;
    ack.writeUInt32BE(this.#next, 1);
    for (const sequence of this.#early.keys()) {
      const bit = sequence - this.#next;
      ack[5 + (bit >> 3)] = (ack[5 + (bit >> 3)] ?? 0) | (1 << (bit & 7));
    }
    this.#options.send(ack);
  }
}
