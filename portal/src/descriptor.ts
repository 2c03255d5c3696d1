import type { Socket } from 'node:net';

/** What the kernel knows a socket by, for what Node has no call for; undefined once it is closed, and on systems without. */
export function descriptorOf(socket: Socket): number | undefined {
  const { _handle: handle } = socket as Socket & { _handle?: { fd?: number } | null };
  return handle?.fd === undefined || handle.fd < 0 ? undefined : handle.fd;
}
