import { isIPv6 } from 'node:net';
import type { NetworkInterfaceInfo } from 'node:os';
import { limits } from '@netport/protocol';

type Interfaces = NodeJS.Dict<Pick<NetworkInterfaceInfo, 'address' | 'cidr' | 'family' | 'internal' | 'scopeid'>[]>;

/**
 * What tells the network that a machine is on from another: its interfaces' addresses; of IPv6 only the prefix, since hosts
 * change the rest by themselves (RFC 8981).
 */
export function networkOf(interfaces: Interfaces): string {
  const addresses = Object.entries(interfaces).flatMap(([name, infos = []]) =>
    infos
      .filter(({ internal, scopeid }) => !internal && !scopeid)
      .map(({ address, family }) => `${name} ${family === 'IPv6' ? prefixOf(address) : address}`),
  );
  return [...new Set(addresses)].sort().join(', ');
}

/** Tells when this machine is on another network than it was. Returns what ends that. */
export function watchNetwork(network: () => string, onChange: () => void): () => void {
  let last = network();
  const timer = setInterval(() => {
    const now = network();
    if (now === last) return;
    last = now;
    onChange();
  }, limits.networkInterval);
  return () => clearInterval(timer);
}

/** The first 64 bits. Node prints IPv6 addresses in their shortest form. */
function prefixOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = '', tail] = address.split('::');
  const groups = (part = ''): string[] => (part === '' ? [] : part.split(':'));
  const before = groups(head);
  const after = groups(tail);
  const zeros = Array.from({ length: tail === undefined ? 0 : 8 - before.length - after.length }, () => '0');
  return [...before, ...zeros, ...after].slice(0, 4).join(':');
}
