import type { NetworkInterfaceInfo } from 'node:os';

/**
 * The addresses that a UDP listener binds. A socket on a wildcard would answer from whichever address the route suggests,
 * and node:dgram cannot tell which one was asked; so a wildcard means one socket on each address of this machine. As with
 * TCP, `::` includes IPv4.
 */
export function addressesToBind(
  host: string,
  interfaces: NodeJS.Dict<Pick<NetworkInterfaceInfo, 'address' | 'family' | 'scopeid'>[]>,
): string[] {
  const everything = host === '::';
  if (host !== '0.0.0.0' && !everything) return [host];
  return Object.entries(interfaces).flatMap(([name, addresses = []]) =>
    addresses
      .filter(({ family }) => everything || family === 'IPv4')
      // An address that is valid on one link only means nothing without its link.
      .map(({ address, scopeid }) => (scopeid ? `${address}%${name}` : address)),
  );
}
