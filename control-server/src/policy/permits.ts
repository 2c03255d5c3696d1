import type { Name } from '@netport/protocol';
import type { PairRecord } from '../store/store.js';
import { scheduleState } from './schedule.js';

/** Whether an admin grants the pair at all: what its schedule says comes on top. */
const granted = (pair: PairRecord, now: Date): boolean =>
  pair.enabled && (pair.expiresAt === null || pair.expiresAt > now);

/** Whether a pair grants anything at this instant. */
export const inForce = (pair: PairRecord, now: Date): boolean =>
  granted(pair, now) && (pair.schedule === null || scheduleState(pair.schedule, now).open);

/** When the pair comes into force or goes out of it by itself, if it ever does. */
export function nextTurn(pair: PairRecord, now: Date): Date | undefined {
  if (!granted(pair, now)) return undefined;
  return earliest([pair.expiresAt ?? undefined, pair.schedule ? scheduleState(pair.schedule, now).next : undefined]);
}

function earliest(times: Iterable<Date | undefined>): Date | undefined {
  let first: Date | undefined;
  for (const time of times) if (time && (!first || time < first)) first = time;
  return first;
}

/**
 * Whether `from` may have a circuit to `to`: some pair in force listens at `from` and dials at `to`. The opposite
 * direction does not count, because only the portal that asks for a circuit opens streams in its tunnel.
 */
export const permits = (pairs: readonly PairRecord[], from: Name, to: Name, now: Date): boolean =>
  pairs.some((pair) => pair.from.portal === from && pair.to.portal === to && inForce(pair, now));

/** When the next of these pairs expires, or begins or ends by its schedule, if any does. */
export const nextChange = (pairs: readonly PairRecord[], now: Date): Date | undefined =>
  earliest(pairs.map((pair) => nextTurn(pair, now)));
