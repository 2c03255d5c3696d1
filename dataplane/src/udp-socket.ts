import { getSystemErrorName } from 'node:util';
import { type Handle, native } from './native.js';

export interface UdpSocketOptions {
  /** The only one that it sends to and hears: an IPv4 or IPv6 address, no name. */
  address: string;
  port: number;
  /** Where it sends from; the system chooses unless given. */
  localPort?: number;
  /**
   * What came at one look at the socket, in order; each may be empty. They are lent: their memory is written again after
   * this returns, so whoever keeps one copies it.
   */
  onDatagrams: (datagrams: Buffer[]) => void;
  /** What is lost here (EMSGSIZE, …), one for each call of `send`, and what the peer's machine refuses (ECONNREFUSED). */
  onError?: (error: NodeJS.ErrnoException) => void;
  /** What the kernel may keep unread and unsent, as far as the system grants it. */
  receiveBufferBytes?: number;
  sendBufferBytes?: number;
}

/** A connected UDP socket. It keeps the process alive until it is closed. */
export interface UdpSocket {
  /**
   * Sends the first `count` (all unless given), and returns how many were taken: fewer where the send buffer is full. The rest
   * is the caller's, to drop or to keep. Their memory is free again on return. Takes nothing once closed.
   */
  send(datagrams: readonly Uint8Array[], count?: number): number;
  /** Where it sends from. */
  readonly local: { address: string; port: number };
  /** At once; also in a callback, and again. */
  close(): void;
}

/** As native/receive.c has them. */
const slotBytes = 64 * 1024;
const mostMessages = 64;
/** The kernel merges no more datagrams into one message (UDP_GRO_CNT_MAX). */
const mostMerged = 64;
/** What one look at a socket should give, so that the event loop gets on: more only where merging has just begun. */
const datagramsPerLook = 256;

/** One for every socket of this thread: nobody else runs between a system call and the return of `onDatagrams`. */
let slab = Buffer.alloc(0);
const shapes = new Uint32Array(2 * mostMessages);
const shapesBytes = new Uint8Array(shapes.buffer);
const failure = new Int32Array(1);
const failureBytes = new Uint8Array(failure.buffer);

/** Throws EINVAL for an address that is none, ENETUNREACH, …; ENOSYS where the addon is unavailable. */
export function openUdpSocket(options: UdpSocketOptions): UdpSocket {
  return new BatchedSocket(options);
}

class BatchedSocket implements UdpSocket {
  readonly local: { address: string; port: number };
  readonly #native = native();
  readonly #onDatagrams: (datagrams: Buffer[]) => void;
  readonly #onError: ((error: NodeJS.ErrnoException) => void) | undefined;
  #handle: Handle | undefined;
  /** Messages asked for at the next look: fewer, the more datagrams the kernel merges into one. */
  #messages = datagramsPerLook / mostMerged;

  constructor(options: UdpSocketOptions) {
    const { address, port, localPort = 0, receiveBufferBytes = 0, sendBufferBytes = 0 } = options;
    this.#onDatagrams = options.onDatagrams;
    this.#onError = options.onError;
    const onReadable = () => this.#receive();
    this.#handle = this.#native.open(address, port, localPort, receiveBufferBytes, sendBufferBytes, onReadable);
    this.local = this.#native.name(this.#handle);
  }

  send(datagrams: readonly Uint8Array[], count = datagrams.length): number {
    if (!this.#handle) return 0;
    const taken = this.#native.send(this.#handle, datagrams, count, failureBytes);
    const errno = failure[0];
    if (errno) {
      failure[0] = 0;
      // Not before the caller knows what was taken.
      process.nextTick(() => this.#fail(errno));
    }
    return taken;
  }

  close(): void {
    if (this.#handle) this.#native.close(this.#handle);
    this.#handle = undefined;
  }

  #receive(): void {
    if (!this.#handle) return;
    // Also after somebody has transferred a datagram's memory to another thread.
    if (slab.length === 0) slab = Buffer.alloc(mostMessages * slotBytes);
    const messages = this.#native.receive(this.#handle, slab, shapesBytes, this.#messages);
    if (messages < 0) this.#fail(-messages);
    if (messages <= 0) return;
    const datagrams = datagramsIn(messages);
    const perMessage = Math.ceil(datagrams.length / messages);
    this.#messages = Math.min(mostMessages, Math.max(1, Math.floor(datagramsPerLook / perMessage)));
    this.#onDatagrams(datagrams);
  }

  #fail(errno: number): void {
    if (!this.#handle) return;
    const code = getSystemErrorName(-errno);
    this.#onError?.(Object.assign(new Error(`UDP from port ${this.local.port}: ${code}`), { code, errno: -errno }));
  }
}

/** The slab's content as the shapes describe it: a message is one datagram, or several that the kernel merged. */
function datagramsIn(messages: number): Buffer[] {
  const datagrams: Buffer[] = [];
  for (let i = 0; i < messages; i++) {
    const start = i * slotBytes;
    const length = shapes[2 * i] ?? 0;
    const size = shapes[2 * i + 1] || length;
    let at = 0;
    do {
      const end = Math.min(at + size, length);
      datagrams.push(slab.subarray(start + at, start + end));
      at = end;
    } while (at < length);
  }
  return datagrams;
}
