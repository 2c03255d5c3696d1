import type { Name } from '@netport/protocol';
import type { PairRecord } from '../store/store.js';

/** Whether a pair grants anything at this instant. */
export const inForce = (pair: PairRecord, now: Date): boolean =>
  pair.enabled && (pair.expiresAt === null || pair.expiresAt > now);

/**
 * Whether `from` may have a circuit to `to`: some pair in force listens at `from` and dials at `to`. The opposite
 * direction does not count, because only the portal that asks for a circuit opens streams in its tunnel.
 */
export const permits = (pairs: readonly PairRecord[], from: Name, to: Name, now: Date): boolean =>
  pairs.some((pair) => pair.from.portal === from && pair.to.portal === to && inForce(pair, now));

/** When the next pair in force expires, if any does. */
export function nextExpiry(pairs: readonly PairRecord[], now: Date): Date | undefined {
  const times = pairs.filter((pair) => inForce(pair, now)).flatMap(({ expiresAt }) => expiresAt?.getTime() ?? []);
  return times.length === 0 ? undefined : new Date(Math.min(...times));
}
