import type { NetworkInterfaceInfo } from 'node:os';
import { NetportError } from '@netport/protocol';

export interface InterfaceSources {
  /** What the operator named. */
  named?: readonly string[] | undefined;
  /** Where the relay listens and what portals dial: whichever of them is an address of this machine decides. */
  addresses: readonly (string | undefined)[];
  local: NodeJS.Dict<NetworkInterfaceInfo[]>;
  /** The text of /proc/net/route and /proc/net/ipv6_route. */
  routes: { ipv4: string; ipv6: string };
}

/**
 * The interfaces through which legs come: those that were named, else the one with the relay's address, else those with
 * a default route. Throws `address_unavailable` when there is none.
 */
export function chooseInterfaces({ named, addresses, local, routes }: InterfaceSources): string[] {
  if (named) return [...new Set(named)];
  for (const address of addresses) {
    const [owner] = Object.entries(local).find(([, infos]) => infos?.some((info) => info.address === address)) ?? [];
    if (owner) return [owner];
  }
  const found = new Set([...defaultRoutes(routes.ipv4, ipv4Route), ...defaultRoutes(routes.ipv6, ipv6Route)]);
  if (found.size > 0) return [...found];
  throw new NetportError('address_unavailable', 'no interface has a default route: name one with --interface');
}

interface RouteColumns {
  interface: number;
  /** Columns that are zero in a default route: destination and mask, or prefix length. */
  zero: readonly number[];
}
/** linux: Documentation/networking/proc_net_tcp, fib_trie.c fib_route_seq_show */
const ipv4Route: RouteColumns = { interface: 0, zero: [1, 7] };
/** linux: net/ipv6/route.c rt6_info_route */
const ipv6Route: RouteColumns = { interface: 9, zero: [0, 1] };

function defaultRoutes(text: string, columns: RouteColumns): string[] {
  return text
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => columns.zero.every((column) => /^0+$/.test(fields[column] ?? '')))
    .flatMap((fields) => fields[columns.interface] ?? [])
    .filter((name) => name !== 'lo');
}
