import type { Socket } from 'node:net';

/** How often a paused socket is probed, in milliseconds. */
const probeInterval = 1000;
const nothing = Buffer.alloc(0);

/**
 * Nobody polls a paused socket, so its reset would be seen only when its reader wants more: perhaps never. Writing
 * nothing sends nothing, but fails when the connection is gone.
 */
class PausedSockets {
  readonly #sockets = new Set<Socket>();
  #timer: NodeJS.Timeout | undefined;

  pause(socket: Socket): void {
    socket.pause();
    this.#sockets.add(socket);
    this.#timer ??= setInterval(() => this.#probe(), probeInterval);
  }

  resume(socket: Socket): void {
    this.#sockets.delete(socket);
    socket.resume();
  }

  #probe(): void {
    for (const socket of this.#sockets) {
      if (socket.destroyed) this.#sockets.delete(socket);
      // What is queued already is such a probe.
      else if (socket.writableLength === 0 && !socket.writableEnded) socket.write(nothing);
    }
    if (this.#sockets.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }
}

/** One clock for all of a process: streams stall together. */
export const pausedSockets = new PausedSockets();
