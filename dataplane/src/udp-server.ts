import { failureBytes, socketError, takeFailure } from './failure.js';
import { type Handle, native } from './native.js';
import { datagramsIn, nameOf, Receiver } from './receiver.js';

/** Who sent something: one and the same string for one and the same address and port. `peerOf` says which. */
export type UdpPeer = string;

export interface UdpServerOptions {
  /** Where it listens: an IPv4 or IPv6 address, no name; an IPv6 one hears no IPv4. Port 0: of the system's choice. */
  address: string;
  port: number;
  /**
   * What one peer sent in a row, in order; each may be empty. They are lent: their memory is written again after this
   * returns, so whoever keeps one copies it.
   */
  onDatagrams: (datagrams: Buffer[], from: UdpPeer) => void;
  /** What is lost here, one for each call of `send`, and what a peer's machine refuses. */
  onError?: (error: NodeJS.ErrnoException) => void;
  /** What the kernel may keep unread and unsent, as far as the system grants it. */
  receiveBufferBytes?: number;
  sendBufferBytes?: number;
}

/** A UDP socket that hears everybody. It keeps the process alive until it is closed. */
export interface UdpServer {
  /** Sends them to a peer that was heard. Returns how many were taken, and gives their memory back, as `UdpSocket` does. */
  send(datagrams: readonly Uint8Array[], to: UdpPeer): number;
  readonly local: { address: string; port: number };
  close(): void;
}

/** A peer's address and port. */
export function peerOf(peer: UdpPeer): { address: string; port: number } {
  return native().describe(Buffer.from(peer, 'latin1'));
}

/** Throws EADDRINUSE, EACCES, …; ENOSYS where the addon is unavailable. */
export function openUdpServer(options: UdpServerOptions): UdpServer {
  return new BatchedServer(options);
}

class BatchedServer implements UdpServer {
  readonly local: { address: string; port: number };
  readonly #options: UdpServerOptions;
  readonly #receiver = new Receiver();
  #handle: Handle | undefined;

  constructor(options: UdpServerOptions) {
    const { address, port, receiveBufferBytes = 0, sendBufferBytes = 0 } = options;
    this.#options = options;
    const onReadable = () => this.#receive();
    this.#handle = native().listen(address, port, 0, receiveBufferBytes, sendBufferBytes, onReadable);
    this.local = native().name(this.#handle);
  }

  send(datagrams: readonly Uint8Array[], to: UdpPeer): number {
    if (!this.#handle) return 0;
    const name = Buffer.from(to, 'latin1');
    const taken = native().send(this.#handle, datagrams, datagrams.length, failureBytes, name);
    const failure = takeFailure();
    // Not before the caller knows what was taken.
    if (failure) process.nextTick(() => this.#fail(failure));
    return taken;
  }

  close(): void {
    if (this.#handle) native().close(this.#handle);
    this.#handle = undefined;
  }

  #receive(): void {
    if (!this.#handle) return;
    const messages = this.#receiver.look(this.#handle);
    if (messages < 0) this.#fail(-messages);
    // Before anybody else may look at a socket.
    const runs: { from: UdpPeer; datagrams: Buffer[] }[] = [];
    for (let i = 0; i < messages; i++) {
      const from = nameOf(i);
      let run = runs.at(-1);
      if (run?.from !== from) {
        run = { from, datagrams: [] };
        runs.push(run);
      }
      datagramsIn(i, run.datagrams);
    }
    for (const { datagrams, from } of runs) if (this.#handle) this.#options.onDatagrams(datagrams, from);
  }

  #fail(failure: number): void {
    if (this.#handle) this.#options.onError?.(socketError(this.local.port, failure));
  }
}
