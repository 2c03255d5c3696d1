import { isIPv6, type Socket } from 'node:net';
import { formatSocketAddress } from '@netport/protocol';

/** Where a connection comes from, an IPv4 peer of a dual-stack socket as IPv4. */
export const sourceAddress = (socket: Socket): string | undefined =>
  socket.remoteAddress?.replace(/^::ffff:(?=\d+\.)/, '');

/** The same with the port. */
export const originOf = (socket: Socket): string => formatSocketAddress(sourceAddress(socket), socket.remotePort);

/**
 * Whom an address stands for, where one counts: of IPv6 its /64, out of which any host may take as many addresses as it
 * likes (RFC 4291 §2.5.1, RFC 8981).
 */
export function sourceNetwork(address: string): string {
  if (!isIPv6(address)) return address;
  const [left = [], right] = address
    .replace(/%.*$/, '')
    .split('::')
    .map((half) => (half === '' ? [] : half.split(':')));
  const zeros = right ? Array<string>(8 - left.length - right.length).fill('0') : [];
  const groups = [...left, ...zeros, ...(right ?? [])].slice(0, 4);
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}
