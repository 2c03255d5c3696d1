import type { Socket } from 'node:net';
import { formatSocketAddress } from '@netport/protocol';

/** Where a connection comes from, an IPv4 peer of a dual-stack socket as IPv4. */
export const sourceAddress = (socket: Socket): string | undefined =>
  socket.remoteAddress?.replace(/^::ffff:(?=\d+\.)/, '');

/** The same with the port. */
export const originOf = (socket: Socket): string => formatSocketAddress(sourceAddress(socket), socket.remotePort);
