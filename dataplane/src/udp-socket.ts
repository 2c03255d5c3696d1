import { failureBytes, socketError, takeFailure } from './failure.js';
import { type Handle, native } from './native.js';
import { datagramsIn, Receiver } from './receiver.js';

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

/** It sends to nobody else than whom it is connected to. */
const nobody = new Uint8Array(0);

/** Throws EINVAL for an address that is none, ENETUNREACH, …; ENOSYS where the addon is unavailable. */
export function openUdpSocket(options: UdpSocketOptions): UdpSocket {
  return new BatchedSocket(options);
}

class BatchedSocket implements UdpSocket {
  readonly local: { address: string; port: number };
  readonly #native = native();
  readonly #onDatagrams: (datagrams: Buffer[]) => void;
  readonly #receiver = new Receiver();
  readonly #onError: ((error: NodeJS.ErrnoException) => void) | undefined;
  #handle: Handle | undefined;

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
    const taken = this.#native.send(this.#handle, datagrams, count, failureBytes, nobody);
    const failure = takeFailure();
    // Not before the caller knows what was taken.
    if (failure) process.nextTick(() => this.#fail(failure));
    return taken;
  }

  close(): void {
    if (this.#handle) this.#native.close(this.#handle);
    this.#handle = undefined;
  }

  #receive(): void {
    if (!this.#handle) return;
    const messages = this.#receiver.look(this.#handle);
    if (messages < 0) this.#fail(-messages);
    if (messages <= 0) return;
    const datagrams: Buffer[] = [];
    for (let i = 0; i < messages; i++) datagramsIn(i, datagrams);
    this.#onDatagrams(datagrams);
  }

  #fail(failure: number): void {
    if (this.#handle) this.#onError?.(socketError(this.local.port, failure));
  }
}
