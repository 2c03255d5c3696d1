import type { Socket } from 'node:net';
import { setCongestion } from '@netport/dataplane';

/**
 * Has a socket follow a congestion control, one that Linux and QUIC call by the same name. Returns why it does not: the kernel
 * has none, the addon is not there, or the socket has no descriptor of its own. Then it follows the kernel's default.
 */
export function followCongestion(socket: Socket, name: string): string | undefined {
  const { _handle: handle } = socket as Socket & { _handle?: { fd?: number } | null };
  if (handle?.fd === undefined || handle.fd < 0) return 'the socket has no descriptor';
  try {
    setCongestion(handle.fd, name);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
