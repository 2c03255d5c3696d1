import { networkInterfaces } from 'node:os';
import { addressKind, limits, NetportError } from '@netport/protocol';
import type { PortRange } from './core/port-pool.js';

/** One port for the probe and two for a circuit. */
const fewestPorts = 3;

/** `40000-49999`, both included. Throws `invalid_request`. */
export function parsePortRange(text: string): PortRange {
  const [, from, to] = /^(\d{1,5})-(\d{1,5})$/.exec(text) ?? [];
  const [first, last] = [Number(from), Number(to)];
  if (!(first >= 1 && last <= 65535)) {
    throw new NetportError('invalid_request', `"${text}" is not a port range such as 40000-49999`);
  }
  if (last - first + 1 < fewestPorts) {
    throw new NetportError('invalid_request', `a relay needs at least ${fewestPorts} ports, ${text} has fewer`);
  }
  return { first, last };
}

/** One port. Throws `invalid_request`. */
export function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65535) return port;
  throw new NetportError('invalid_request', `"${text}" is not a port from 1 to 65535`);
}

/** What portals dial: an IPv4 or IPv6 address (brackets are taken off) or a DNS name. Throws `invalid_request`. */
export function parseHost(text: string): string {
  const host = text.includes(':') && !text.startsWith('[') ? `[${text}]` : text;
  const kind = addressKind(host);
  if (kind === undefined || kind === 'unix') {
    throw new NetportError('invalid_request', `"${text}" is not an IP address or a DNS name`);
  }
  return kind === 'ipv6' ? host.slice(1, -1) : host;
}

/** What portals dial when nobody said: the first IPv4 address that is not the loopback. Throws `address_unavailable`. */
export function defaultAddress(interfaces = networkInterfaces()): string {
  const addresses = Object.values(interfaces).flatMap((list) => list ?? []);
  const found = addresses.find(({ family, internal }) => family === 'IPv4' && !internal);
  if (found) return found.address;
  throw new NetportError('address_unavailable', 'this machine has no public IPv4 address: give one with --address');
}

/** `eth0` or `eth0,eth1`. Throws `invalid_request`. */
export function parseInterfaces(text: string): string[] {
  const names = text.split(',');
  // linux: include/uapi/linux/if.h IFNAMSIZ, dev_valid_name
  const wrong = names.find((name) => !/^[^\s/:]{1,15}$/.test(name));
  if (wrong !== undefined) throw new NetportError('invalid_request', `"${wrong}" is not the name of an interface`);
  return names;
}

/** How many circuits: at least one, at most what a relay may carry. Throws `invalid_request`. */
export function parseCount(text: string): number {
  const count = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (count >= 1 && count <= limits.circuitsPerRelay) return count;
  throw new NetportError('invalid_request', `"${text}" is not a number from 1 to ${limits.circuitsPerRelay}`);
}
