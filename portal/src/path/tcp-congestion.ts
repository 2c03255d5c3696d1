import type { Socket } from 'node:net';
import { descriptorOf, setCongestion } from '@netport/dataplane';

/**
 * Has a socket follow a congestion control, one that Linux and QUIC call by the same name. Returns why it does not: the kernel
 * has none, the addon is not there, or the socket has no descriptor of its own. Then it follows the kernel's default.
 */
export function followCongestion(socket: Socket, name: string): string | undefined {
  const fd = descriptorOf(socket);
  if (fd === undefined) return 'the socket has no descriptor';
  try {
    setCongestion(fd, name);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
