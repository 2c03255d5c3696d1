import { formatEndpoint, formatSchedule, type PairId } from '@netport/protocol';
import type { PairRecord } from '../store/store.js';
import type { WantedPair } from './policy-state.js';

/** What happens to the stored pairs. */
export interface PairChanges {
  add: PairRecord[];
  update: { before: PairRecord; after: PairRecord }[];
  remove: PairRecord[];
}

export interface Making {
  now: Date;
  newId: () => PairId;
}

/** Pure: how to get from the pairs that are there to those that are wanted; both are named uniquely. */
export function reconcilePairs(
  present: readonly PairRecord[],
  wanted: readonly WantedPair[],
  { now, newId }: Making,
): PairChanges {
  const left = new Map(present.map((pair) => [pair.name, pair]));
  const changes: PairChanges = { add: [], update: [], remove: [] };
  for (const pair of wanted) {
    const before = left.get(pair.name);
    left.delete(pair.name);
    if (!before) {
      changes.add.push({ ...pair, id: newId(), createdAt: now, revision: 1 });
      continue;
    }
    if (fingerprint(before) === fingerprint(pair)) continue;
    // Streams belong to a pair's id: one that leads elsewhere is another pair, and its streams end.
    const id = route(before) === route(pair) ? before.id : newId();
    const after = { ...pair, id, createdAt: before.createdAt, revision: before.revision + 1 };
    changes.update.push({ before, after });
  }
  changes.remove.push(...left.values());
  return changes;
}

const route = ({ protocol, from, to }: WantedPair): string =>
  [protocol, from.portal, formatEndpoint(from), to.portal, formatEndpoint(to)].join(' ');

const fingerprint = (pair: WantedPair): string =>
  JSON.stringify([
    route(pair),
    pair.grant,
    pair.transport,
    pair.enabled,
    pair.expiresAt?.getTime() ?? null,
    pair.schedule && formatSchedule(pair.schedule),
    pair.owner,
    pair.reason,
  ]);
