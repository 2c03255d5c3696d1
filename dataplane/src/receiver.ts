import { type Handle, native } from './native.js';

/** As native/receive.c and native/socket.h have them. */
const slotBytes = 64 * 1024;
const mostMessages = 64;
const nameBytes = 28;
/** The kernel merges no more datagrams into one message (UDP_GRO_CNT_MAX). */
const mostMerged = 64;
/** What one look at a socket should give, so that the event loop gets on: more only where merging has just begun. */
const datagramsPerLook = 256;

/** One for every socket of this thread: nobody else runs between a system call and the end of what is done with its datagrams. */
let slab = Buffer.alloc(0);
const shapes = new Uint32Array(2 * mostMessages);
const shapesBytes = new Uint8Array(shapes.buffer);
const names = Buffer.alloc(mostMessages * nameBytes);

/** Looks at one socket. */
export class Receiver {
  /** Messages asked for at the next look: fewer, the more datagrams the kernel merges into one. */
  #messages = datagramsPerLook / mostMerged;

  /** How many messages came, or a negative errno. `datagramsIn` and `nameOf` tell of them until anybody looks again. */
  look(socket: Handle): number {
    // Also after somebody has transferred a datagram's memory to another thread.
    if (slab.length === 0) slab = Buffer.alloc(mostMessages * slotBytes);
    const messages = native().receive(socket, slab, shapesBytes, this.#messages, names);
    if (messages > 0) {
      const perMessage = Math.ceil(countOf(messages) / messages);
      this.#messages = Math.min(mostMessages, Math.max(1, Math.floor(datagramsPerLook / perMessage)));
    }
    return messages;
  }
}

/** Who sent a message, in a form of the kernel's: one and the same for one and the same peer. */
export function nameOf(message: number): string {
  return names.toString('latin1', message * nameBytes, (message + 1) * nameBytes);
}

/** Puts a message's datagrams behind the others: it is one, or several that the kernel merged. */
export function datagramsIn(message: number, into: Buffer[]): void {
  const start = message * slotBytes;
  const length = shapes[2 * message] ?? 0;
  const size = shapes[2 * message + 1] || length;
  let at = 0;
  do {
    const end = Math.min(at + size, length);
    into.push(slab.subarray(start + at, start + end));
    at = end;
  } while (at < length);
}

function countOf(messages: number): number {
  let count = 0;
  for (let i = 0; i < messages; i++) {
    const length = shapes[2 * i] ?? 0;
    count += Math.max(1, Math.ceil(length / (shapes[2 * i + 1] || length || 1)));
  }
  return count;
}
