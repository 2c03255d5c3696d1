import { native } from './native.js';

/**
 * Whether the other end of a stream socket, by its descriptor, has ended its direction in order: false when it has reset the
 * connection, when bytes are left, or nothing was ended. Throws ENOSYS where the addon is unavailable.
 */
export function endedInOrder(fd: number): boolean {
  return native().endedInOrder(fd);
}
