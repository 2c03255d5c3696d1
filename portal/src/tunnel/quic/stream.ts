import { Duplex } from 'node:stream';
import { limits, NetportError, QuicHeadReader, quicEndMark, quicResetMark, type StreamRead } from '@netport/protocol';
import type { TunnelStream } from '../tunnel.js';
import { quiche } from './binding.js';
import { streamReset } from './close.js';
import type { QuicDriver } from './driver.js';

/** What a stream asks of its tunnel. */
export interface StreamHost {
  readonly driver: QuicDriver;
  /** What a stream must be able to send before it does, unless it has less. */
  readonly enough: number;
  /** `send` will be called as soon as there may be room. */
  waitToSend(stream: QuicStream): void;
  /** Nobody reads this stream any more, and its peer may not know yet: what comes is thrown away. */
  discard(id: number): void;
  onClosed(stream: QuicStream): void;
}

/** What one stream sends before the next has its turn. */
const share = 64 * 1024;
const nothing = new Uint8Array(0);
/** What goes together with FIN. */
const marks: ReadonlySet<Uint8Array> = new Set([quicEndMark, quicResetMark]);

/** Where reads go first. Large ones keep the memory, small ones are copied. */
let scratch = Buffer.allocUnsafeSlow(64 * 1024);
const largeRead = scratch.length / 2;

function takeScratch(count: number): Buffer {
  const read = scratch.subarray(0, count);
  if (count < largeRead) return Buffer.from(read);
  scratch = Buffer.allocUnsafeSlow(scratch.length);
  return read;
}

/**
 * A bidirectional stream of a QUIC connection. It takes no more from the stack than its reader wants, so that the window fills
 * and the peer stops; and it takes no more from its writer than the stack has room for.
 */
export class QuicStream extends Duplex implements TunnelStream {
  readonly bytes = this;
  readonly id: number;
  broken = false;
  readonly #host: StreamHost;
  #head:
    | { reader: QuicHeadReader; resolve: (json: Uint8Array) => void; reject: (error: NetportError) => void }
    | undefined;
  #wanted = false;
  #readEnded = false;
  #writeEnded = false;
  #unsent: Uint8Array | undefined;
  #onSent: (error?: Error) => void = () => {};

  constructor(id: number, host: StreamHost) {
    super({ allowHalfOpen: true, highWaterMark: limits.frameBytes });
    this.id = id;
    this.#host = host;
    this.on('error', () => {});
    this.pause();
  }

  /** Makes the stream exist, with its first bytes: QUIC does not send an opening without any. */
  begin(bytes: Uint8Array): void {
    const sent = this.#host.driver.quic.streamSend(this.id, bytes, false) ?? 0;
    this.#host.driver.wake();
    if (sent < bytes.length) this.write(bytes.subarray(sent));
  }

  /** The head or the answer that the peer begins with. Rejects with `protocol_error`, or `tunnel_lost` when none came. */
  head(): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.#head = { reader: new QuicHeadReader(), resolve, reject };
      this.onReadable();
    });
  }

  reset(): void {
    this.destroy();
  }

  /** The stack has something for this stream. */
  onReadable(): void {
    if (this.#readEnded || this.destroyed) return;
    if (this.#head) this.#readHead();
    else if (this.#wanted) this.#pull();
    // A reset shows without taking anything.
    else this.#read(nothing);
  }

  /** Whether the peer still reads: where it does not, the stack has no event for it. */
  probe(): void {
    if (!this.#writeEnded && !this.destroyed) this.#attempt(() => this.#host.driver.quic.streamCapacity(this.id));
  }

  /** Sends its share. `waits`: it has more, for which there is no room now. */
  send(): 'idle' | 'more' | 'waits' {
    const bytes = this.#unsent;
    if (!bytes || (this.destroyed && bytes !== quicResetMark)) return 'idle';
    const { driver, enough } = this.#host;
    const sent = this.#attempt(() => {
      const room = Math.min(driver.quic.streamCapacity(this.id), share);
      if (room < Math.min(bytes.length, enough)) return 0;
      return driver.quic.streamSend(this.id, bytes.subarray(0, room), marks.has(bytes));
    });
    if (sent === undefined) return 'idle';
    if (!sent) return 'waits';
    if (sent < bytes.length) {
      this.#unsent = bytes.subarray(sent);
      return 'more';
    }
    this.#unsent = undefined;
    this.#onSent();
    return 'idle';
  }

  override _read(): void {
    this.#wanted = true;
    if (!this.#head) this.#pull();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    this.#unsent = chunk;
    this.#onSent = done;
    // Behind those that wait already.
    this.#host.waitToSend(this);
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error) => void): void {
    this._write(Buffer.concat(chunks.map(({ chunk }) => chunk)), '', done);
  }

  override _final(done: (error?: Error) => void): void {
    this.#unsent = quicEndMark;
    this.#onSent = () => {
      this.#writeEnded = true;
      done();
    };
    this.#host.waitToSend(this);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#head?.reject(new NetportError('tunnel_lost', 'the stream ended before the peer had answered'));
    this.#head = undefined;
    this.#unsent = undefined;
    const whole = this.#readEnded && this.#writeEnded;
    if (!whole) this.broken = true;
    this.#host.onClosed(this);
    if (!whole) this.#breakOff();
    done(error);
  }

  /**
   * With both directions open RESET_STREAM, and the peer resets its own in turn; with one open what ends that one. Each of them because
   * quiche 0.18 would lose another, or never forget the stream.
   */
  #breakOff(): void {
    if (this.#readEnded) {
      this.#unsent = quicResetMark;
      this.#onSent = () => {};
      this.#host.waitToSend(this);
      return;
    }
    const { quic } = this.#host.driver;
    const { Read, Write } = quiche().Shutdown;
    try {
      quic.streamShutdown(this.id, this.#writeEnded ? Read : Write, streamReset);
    } catch {
      // The peer was faster, or the connection is gone.
    }
    if (!this.#writeEnded) this.#host.discard(this.id);
    this.#host.driver.wake();
  }

  #readHead(): void {
    const head = this.#head;
    if (!head) return;
    try {
      const whole = head.reader.read((into) => this.#read(into));
      if (!whole) return;
      this.#head = undefined;
      head.resolve(whole);
      if (this.#wanted) this.#pull();
    } catch (error) {
      this.#head = undefined;
      head.reject(error as NetportError);
    }
  }

  #pull(): void {
    while (this.#wanted && !this.#readEnded && !this.destroyed) {
      const got = this.#read(scratch);
      if (!got) break;
      if (got.count > 0) this.#wanted = this.push(takeScratch(got.count));
      if (got.ended) this.push(null);
    }
  }

  #read(into: Uint8Array): StreamRead | undefined {
    const got = this.#attempt(() => this.#host.driver.quic.streamRecv(this.id, into));
    if (!got) return undefined;
    const [count, ended] = got;
    this.#readEnded = ended;
    // A window may have to be opened.
    if (count > 0) this.#host.driver.wake();
    if (!ended) return { count, ended };
    if (into[count - 1] === quicEndMark[0]) return { count: count - 1, ended };
    this.broken = true;
    this.destroy();
    return undefined;
  }

  /** The stack throws when the peer has reset or stopped the stream. */
  #attempt<T>(act: () => T): T | undefined {
    try {
      return act();
    } catch {
      this.broken = true;
      this.destroy();
      return undefined;
    }
  }
}
