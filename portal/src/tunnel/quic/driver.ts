import { limits } from '@netport/protocol';
import type { Connection } from './binding.js';
import type { DatagramPath } from './path.js';

/** What stands above a connection. */
export interface DriverUser {
  /** Once for each turn of the event loop in which something came, or in which `wake` was called. Reads and writes. */
  onTurn(): void;
  /** Its memory is lent until this returns. */
  onDatagram(datagram: Uint8Array): void;
  /** Once: nothing comes any more, and nothing can be sent. */
  onEnd(): void;
}

/**
 * The addresses that QUIC sees are labels of the path: the leg looks after real ones, and changes them when it has to,
 * without a word to QUIC.
 */
export const here = { host: '127.0.0.1', port: 1 };
export const there = { host: '127.0.0.1', port: 2 };
const arrival = { from: there, to: here };

/** Packets taken in between two looks at the datagrams, whose queue drops the oldest without a word. */
const packetsPerLook = 64;
/** After a path that was full. */
const retryDelay = 1;
/** How soon a path that is heard again is noticed. */
const silenceDelay = 20;
/** The last packet is sent this often, because nobody will repeat it. */
const farewells = 3;

/** Packets of all connections of this thread: a burst is sent before anything else runs. */
const slab = Buffer.alloc(limits.quicBurst * limits.quicPacketBytes);
const slots = Array.from({ length: limits.quicBurst }, (_, i) =>
  slab.subarray(i * limits.quicPacketBytes, (i + 1) * limits.quicPacketBytes),
);

/** A datagram on its way up, of any size that a peer may choose. */
const lent = Buffer.alloc(64 * 1024);

/** Drives a QUIC connection: packets in, timers, packets out. Decides nothing about streams. */
export class QuicDriver {
  readonly quic: Connection;
  readonly #path: DatagramPath;
  readonly #burst: Uint8Array[] = [];
  #user: DriverUser;
  #turn: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** When the timer will fire. */
  #alarm = Number.POSITIVE_INFINITY;
  /** What the path did not take. */
  #held: Uint8Array[] = [];
  #ended = false;

  constructor(quic: Connection, path: DatagramPath, user: DriverUser) {
    this.quic = quic;
    this.#path = path;
    this.#user = user;
    this.wake();
  }

  /** Hands the connection to the next user, from whose `onTurn` on nothing is lost. */
  passTo(user: DriverUser): void {
    this.#user = user;
    this.wake();
  }

  receive(packets: readonly Uint8Array[]): void {
    if (this.#ended) return;
    let taken = 0;
    for (const packet of packets) {
      try {
        this.quic.recv(packet, arrival);
      } catch {
        // Garbage, which was dropped; or the end of the connection, which the turn will see.
      }
      taken += 1;
      if (taken % packetsPerLook === 0) this.#readDatagrams();
    }
    this.wake();
  }

  /** Something was read or written: packets may have to leave. */
  wake(): void {
    if (!this.#ended) this.#turn ??= setImmediate(() => this.#run());
  }

  /** False when the queue is full even after a burst was sent. */
  sendDatagram(datagram: Uint8Array): boolean {
    if (this.#ended) return false;
    this.wake();
    if (this.quic.dgramSend(datagram) !== null) return true;
    this.#flush();
    return this.quic.dgramSend(datagram) !== null;
  }

  /** Tells the peer, and ends now. */
  close(code: number, reason: string): void {
    if (this.#ended) return;
    // What the peer needs to read the farewell: the end of the handshake, perhaps.
    this.#flush();
    this.quic.close(true, code, Buffer.from(reason));
    this.#held = [];
    for (const farewell of this.#packets()) this.#path.sendMany(Array(farewells).fill(farewell), farewells);
    this.#end();
  }

  #run(): void {
    this.#turn = undefined;
    this.#readDatagrams();
    if (!this.#ended) this.#user.onTurn();
    if (this.#ended) return;
    this.#flush();
    // Draining: the peer has closed, or this side's stack has, and said so.
    if (this.quic.isClosed() || this.quic.isDraining()) this.#end();
    else this.#arm();
  }

  #readDatagrams(): void {
    while (!this.#ended) {
      const length = this.quic.dgramRecv(lent);
      if (length === null) return;
      this.#user.onDatagram(lent.subarray(0, length));
    }
  }

  #flush(): void {
    const packets = this.#held.length > 0 ? this.#held : this.#packets();
    const taken = packets.length > 0 ? this.#path.sendMany(packets, packets.length) : 0;
    if (taken < packets.length) {
      // Held in copies: the slab belongs to everybody.
      this.#held = packets.slice(taken).map((packet) => Uint8Array.from(packet));
      this.#alarmIn(retryDelay);
      return;
    }
    const more = this.#held.length > 0 || packets.length === limits.quicBurst;
    this.#held = [];
    if (more) this.wake();
  }

  /** At most a burst, so that the event loop gets on. */
  #packets(): Uint8Array[] {
    const burst = this.#burst;
    burst.length = 0;
    for (const slot of slots) {
      const sent = this.#send(slot);
      if (sent === 0) break;
      burst.push(sent === slot.length ? slot : slot.subarray(0, sent));
    }
    return burst;
  }

  #send(slot: Uint8Array): number {
    try {
      return this.quic.send(slot)?.[0] ?? 0;
    } catch {
      // The stack has closed the connection over an error, which the turn will see.
      return 0;
    }
  }

  /** One timer, armed again only when it has to fire earlier: most deadlines are put off before they come. */
  #arm(): void {
    const timeout = this.quic.timeout();
    if (timeout !== null) this.#alarmIn(timeout);
  }

  #alarmIn(delay: number): void {
    // The stack rounds down, and would be asked over and over in its last millisecond.
    const at = performance.now() + Math.max(1, delay);
    if (at >= this.#alarm) return;
    clearTimeout(this.#timer);
    this.#alarm = at;
    this.#timer = setTimeout(() => this.#onAlarm(), Math.max(1, delay));
  }

  #onAlarm(): void {
    this.#alarm = Number.POSITIVE_INFINITY;
    // The stack would double its pauses for as long as nothing gets through, and then wait as long once more.
    if (this.#path.silent) this.#alarmIn(silenceDelay);
    else {
      this.quic.onTimeout();
      this.#run();
    }
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    if (this.#turn) clearImmediate(this.#turn);
    this.#user.onEnd();
    this.#path.close();
  }
}
