import type { Socket } from 'node:net';
import { descriptorOf } from './descriptor.js';
import { native, unavailable } from './native.js';

/**
 * Whether the other end of a stream socket, by its descriptor, has ended its direction in order: false when it has reset the
 * connection, when bytes are left, or nothing was ended. Throws ENOSYS where the addon is unavailable.
 */
export function endedInOrder(fd: number): boolean {
  return native().endedInOrder(fd);
}

const nothing = Buffer.alloc(0);
const askKernel = unavailable === undefined ? endedInOrder : null;

/**
 * At a socket's 'end': whether it is one. Node says 'end', too, when a connection is reset together with its last bytes
 * (libuv's uv__stream_io takes the POLLHUP after a short read for an end), and carried on that would be a truncation that nobody notices.
 * The kernel tells. Without the addon a write of nothing does, which fails when the connection is gone: not for a direction of
 * our own that has ended, nor for a unix socket, where it fails after an end in order, too. Those are believed.
 */
export function checkEnd(socket: Socket, tell: (inOrder: boolean) => void, ask = askKernel): void {
  const fd = descriptorOf(socket);
  if (socket.destroyed) tell(false);
  else if (ask && fd !== undefined) tell(ask(fd));
  else if (socket.writableEnded || socket.remoteAddress === undefined) tell(true);
  else socket.write(nothing, (error) => tell(!error));
}
