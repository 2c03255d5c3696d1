import { z } from 'zod';
import { formatEndpoint, parseEndpoint, portSchema } from './address.js';
import { type Name, nameSchema } from './names.js';
import type { Protocol } from './policy.js';

/** One line of a policy test: `laptop may reach field-gw:80`, `laptop may not reach field-gw:10.0.0.5:53/udp`. */
export interface Reach {
  from: Name;
  allowed: boolean;
  to: Name;
  /** Undefined: any address that the other portal dials. */
  address?: string | undefined;
  port?: number | undefined;
  protocol: Protocol;
}

const form = 'write PORTAL may [not] reach PORTAL:[ADDRESS:]PORT[/udp], such as laptop may reach field-gw:80';

/** Undefined where the line has another form. */
export function parseReach(line: string): Reach | undefined {
  const [, from, not, to, rest, protocol = 'tcp'] =
    /^(\S+) +may( +not)? +reach +([^\s:]+):(\S+?)(?:\/(tcp|udp))?$/.exec(line.trim()) ?? [];
  const names = [nameSchema.safeParse(from), nameSchema.safeParse(to)] as const;
  if (!names[0].success || !names[1].success || rest === undefined) return undefined;
  const target = targetOf(rest);
  if (!target) return undefined;
  return {
    from: names[0].data,
    allowed: not === undefined,
    to: names[1].data,
    ...target,
    protocol: protocol as Protocol,
  };
}

function targetOf(text: string): { address?: string; port?: number } | undefined {
  if (!/^\d+$/.test(text)) return parseEndpoint(text);
  const port = portSchema.safeParse(Number(text));
  return port.success ? { port: port.data } : undefined;
}

export const reachSchema = z.string().refine((line) => parseReach(line) !== undefined, form);

/** What the line asks for, as `portal:address:port` with `*` for any address. */
export const formatReachTarget = ({ to, address, port, protocol }: Reach): string =>
  `${to}:${formatEndpoint({ address: address ?? '*', port })}${protocol === 'udp' ? '/udp' : ''}`;
