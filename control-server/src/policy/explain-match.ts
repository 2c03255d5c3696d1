import { addressKind, formatEndpoint, limits, type Name, type Protocol } from '@netport/protocol';
import type { PairRecord } from '../store/store.js';
import { inForce } from './permits.js';

/** Where an application connects to. */
export interface Destination {
  portal: Name;
  /** Any, where it is undefined. */
  address?: string | undefined;
  port?: number | undefined;
  protocol: Protocol;
}

export interface PairMatch {
  pair: PairRecord | undefined;
  /** Where the pair's address is written otherwise, but means the same. */
  note: string | null;
  nearest: { pair: Name; difference: string }[];
}

/** The pair whose listener takes a connection to that place: one in force before one that is not; else those that come close. */
export function matchPair(pairs: readonly PairRecord[], destination: Destination, now: Date): PairMatch {
  if (destination.address === undefined && destination.port === undefined) {
    return { pair: undefined, note: null, nearest: [] };
  }
  const fitting = pairs
    .flatMap((pair) => {
      const fit = fits(pair, destination);
      return fit ? [{ pair, ...fit, order: (inForce(pair, now) ? 0 : 10) + fit.order }] : [];
    })
    .sort((a, b) => a.order - b.order || byName(a.pair, b.pair));
  const [best] = fitting;
  if (best) return { pair: best.pair, note: best.note, nearest: [] };
  const misses = pairs
    .flatMap((pair) => missOf(pair, destination) ?? [])
    .sort((a, b) => a.distance - b.distance || byName(a.pair, b.pair));
  const nearest = misses.slice(0, limits.explainNearest);
  return {
    pair: undefined,
    note: null,
    nearest: nearest.map(({ pair, difference }) => ({ pair: pair.name, difference })),
  };
}

const byName = (a: PairRecord, b: PairRecord): number => (a.name < b.name ? -1 : 1);

function fits({ from, protocol }: PairRecord, asked: Destination): { order: number; note: string | null } | undefined {
  if (from.portal !== asked.portal || protocol !== asked.protocol || from.port !== asked.port) return undefined;
  if (asked.address === undefined || same(from.address, asked.address)) return { order: 0, note: null };
  if (covers(from.address, asked.address)) {
    return { order: 1, note: `it listens on every address (${from.address})` };
  }
  if (asked.address === 'localhost' && isLoopback(from.address)) {
    return { order: 2, note: `it listens on ${from.address} only, and localhost may mean another loopback address` };
  }
  return undefined;
}

interface Miss {
  pair: PairRecord;
  difference: string;
  distance: number;
}

/** In what one pair differs from what was asked for, if it comes close at all. */
function missOf(pair: PairRecord, asked: Destination): Miss | undefined {
  const { from, to, protocol } = pair;
  const miss = (distance: number, difference: string): Miss => ({ pair, distance, difference });
  const place = formatEndpoint(from);
  const sameAddress = fits(pair, { ...asked, portal: from.portal, port: from.port, protocol }) !== undefined;
  const samePort = from.port === asked.port && (asked.port !== undefined || sameAddress);
  if (from.portal === asked.portal) {
    if (samePort && sameAddress) return miss(0, `it is for ${protocol}, not ${asked.protocol}`);
    if (samePort && protocol === asked.protocol) return miss(1, `it listens on ${place}, another address`);
    if (sameAddress && protocol === asked.protocol && from.port !== undefined && asked.port !== undefined) {
      return miss(10 + Math.abs(from.port - asked.port), `it listens on ${place}, another port`);
    }
    return undefined;
  }
  const target = to.port === asked.port && (asked.address === undefined || same(to.address, asked.address));
  if (to.portal === asked.portal && protocol === asked.protocol && (target || samePort)) {
    const way = `${from.portal} listens on ${place}, and ${to.portal} dials ${formatEndpoint(to)}`;
    return miss(2, `it leads the other way: ${way}`);
  }
  if (samePort && sameAddress && protocol === asked.protocol) return miss(3, `it listens at ${from.portal}, not here`);
  return undefined;
}

/** Names are alike in either case, IPv6 addresses in any notation of their own. */
const same = (a: string, b: string): boolean => canonical(a) === canonical(b);

function canonical(address: string): string {
  if (addressKind(address) === 'unix') return address;
  if (addressKind(address) !== 'ipv6') return address.toLowerCase();
  return new URL(`http://${address}`).hostname;
}

/** A listener on every address takes what comes in for any one of that family; on [::] for both. */
function covers(listening: string, asked: string): boolean {
  const [kind, every] = [addressKind(asked), canonical(listening)];
  if (every === '[::]') return kind === 'ipv6' || kind === 'ipv4' || asked === 'localhost';
  return every === '0.0.0.0' && (kind === 'ipv4' || asked === 'localhost');
}

const isLoopback = (address: string): boolean => address.startsWith('127.') || canonical(address) === '[::1]';
