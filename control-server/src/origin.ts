import type { Socket } from 'node:net';
import { formatSocketAddress } from '@netport/protocol';

/** The address of a connection, an IPv4 peer of a dual-stack socket as IPv4. */
export const originOf = (socket: Socket): string =>
  formatSocketAddress(socket.remoteAddress?.replace(/^::ffff:(?=\d+\.)/, ''), socket.remotePort);
