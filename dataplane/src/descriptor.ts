import type { Server, Socket } from 'node:net';

/** What the kernel knows a TCP socket or listener by, for what Node has no call for; undefined once it is closed, and on systems without. */
export function descriptorOf(socket: Server | Socket): number | undefined {
  const { _handle: handle } = socket as (Server | Socket) & { _handle?: { fd?: number } | null };
  return handle?.fd === undefined || handle.fd < 0 ? undefined : handle.fd;
}
