import { formatEndpoint, limits, listenerKey, type PairDocument } from '@netport/protocol';
import type { PairRecord } from '../store/store.js';
import { expand, pairCount, type Selectable } from './expand.js';
import type { Issue } from './issues.js';
import { type Making, type PairChanges, reconcilePairs } from './pair-changes.js';
import { isDerived, isGrant, isGroup, type PolicyState, type WantedPair } from './policy-state.js';

/** A document to expand, and where the request has it; no place where it was applied earlier. */
export interface PlacedGrant {
  document: PairDocument;
  place: readonly (string | number)[];
}

export interface Expansion {
  wanted: WantedPair[];
  issues: Issue[];
}

/** Pure: the pairs of all these documents, beside others that stay as they are. What cannot be is an issue. */
export function expandGrants(
  grants: readonly PlacedGrant[],
  selectable: Selectable,
  others: readonly PairRecord[],
): Expansion {
  const total = grants.reduce((sum, { document }) => sum + pairCount(document, selectable), 0);
  if (total > limits.policyPairs) {
    const message = `the documents make ${total} access pairs, and may make ${limits.policyPairs}`;
    return { wanted: [], issues: [{ path: [], message }] };
  }
  const names = new Map<string, string>(
    others.map(({ name }) => [name, 'it exists and was made by hand or elsewhere']),
  );
  const listeners = new Map<string, string>(others.map((pair) => [listenerOf(pair), pair.name]));
  const counts = new Map<string, number>();
  for (const { from, to } of others) count(counts, [from.portal, to.portal]);
  const expansion: Expansion = { wanted: [], issues: [] };
  for (const { document, place } of grants) {
    const issues = new Map<string, Issue>();
    const complain = (path: readonly string[], message: string): void => {
      // One complaint about each field: a range would repeat it for every port.
      if (!issues.has(path.join()))
        issues.set(path.join(), { path: [...place, ...path], message: `${subject(place, document)}${message}` });
    };
    for (const pair of expand(document, selectable)) {
      const namesake = names.get(pair.name);
      if (namesake !== undefined)
        complain(['metadata', 'name'], `it makes the access pair ${pair.name}, but ${namesake}`);
      const listener = listeners.get(listenerOf(pair));
      if (listener !== undefined) {
        const where = `${formatEndpoint(pair.from)} (${pair.protocol}) at ${pair.from.portal}`;
        complain(['spec', 'from'], `the access pair ${listener} listens on ${where} already`);
      }
      const full = count(counts, [pair.from.portal, pair.to.portal]);
      if (full !== undefined)
        complain(['spec'], `${full} has ${limits.pairsPerPortal} access pairs, as many as it may`);
      names.set(pair.name, `AccessPair ${document.metadata.name} makes it, too`);
      listeners.set(listenerOf(pair), pair.name);
      expansion.wanted.push(pair);
    }
    expansion.issues.push(...issues.values());
  }
  return expansion;
}

/** What was applied earlier has no line to point at, so its name is said. */
const subject = (place: readonly unknown[], { metadata }: PairDocument): string =>
  place.length === 0 ? `AccessPair ${metadata.name}: ` : '';

const listenerOf = (pair: Pick<PairRecord, 'protocol' | 'from'>): string =>
  `${pair.from.portal} ${listenerKey({ protocol: pair.protocol, ...pair.from })}`;

/** Counts one pair at its portals; answers the portal that has too many now. */
function count(counts: Map<string, number>, portals: readonly string[]): string | undefined {
  let full: string | undefined;
  for (const portal of portals) {
    const pairs = (counts.get(portal) ?? 0) + 1;
    counts.set(portal, pairs);
    if (pairs > limits.pairsPerPortal) full = portal;
  }
  return full;
}

/** Pure: what portals that came, went or changed their labels mean for the pairs of the grants that stand. */
export function deriveGrants(state: PolicyState, making: Making): { changes: PairChanges; issues: Issue[] } {
  const others = state.pairs.filter((pair) => !isDerived(pair));
  const grants = state.documents.filter(isGrant).map((document) => ({ document, place: [] }));
  const { wanted, issues } = expandGrants(
    grants,
    { portals: state.portals, groups: state.documents.filter(isGroup) },
    others,
  );
  return { changes: reconcilePairs(state.pairs.filter(isDerived), wanted, making), issues };
}
