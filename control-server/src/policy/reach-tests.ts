import { formatReachTarget, type Name, parseReach, type Reach, type TestsDocument } from '@netport/protocol';
import type { PairRecord } from '../store/store.js';

/** Enough of a pair to tell who may reach what. */
export type ReachingPair = Pick<PairRecord, 'name' | 'protocol' | 'from' | 'to' | 'enabled' | 'expiresAt'>;

export interface TestOutcome {
  document: Name;
  index: number;
  test: string;
  passed: boolean;
  why: string;
}

/**
 * Pure: what becomes of every test. A pair counts from when it is granted until it expires, whatever its schedule says
 * now: a test that fails at night only would not be worth much.
 */
export function runTests(
  documents: readonly TestsDocument[],
  { portals, pairs }: { portals: ReadonlySet<string>; pairs: readonly ReachingPair[] },
  now: Date,
): TestOutcome[] {
  const open = new Map<string, ReachingPair[]>();
  for (const pair of pairs) {
    if (!pair.enabled || (pair.expiresAt && pair.expiresAt <= now)) continue;
    const key = routeKey(pair.from.portal, pair.to.portal);
    const known = open.get(key);
    if (known) known.push(pair);
    else open.set(key, [pair]);
  }
  return documents.flatMap(({ metadata, spec }) =>
    spec.tests.map((test, index) => {
      const reach = parseReach(test);
      const verdict = reach ? judge(reach, portals, open) : { passed: false, why: 'this line is no test' };
      return { document: metadata.name, index, test, ...verdict };
    }),
  );
}

const routeKey = (from: string, to: string): string => `${from} ${to}`;

function judge(
  reach: Reach,
  portals: ReadonlySet<string>,
  open: ReadonlyMap<string, readonly ReachingPair[]>,
): { passed: boolean; why: string } {
  const { from, to, allowed } = reach;
  // Otherwise a mistyped name would make every "may not" pass.
  for (const name of [from, to]) {
    if (!portals.has(name)) return { passed: false, why: `no portal is named ${name}` };
  }
  const target = formatReachTarget(reach);
  const pair = open.get(routeKey(from, to))?.find((candidate) => reaches(candidate, reach));
  const why = pair
    ? `the access pair ${pair.name} lets ${from} reach ${target}`
    : `no access pair lets ${from} reach ${target}`;
  return { passed: (pair !== undefined) === allowed, why };
}

const reaches = ({ protocol, to }: ReachingPair, reach: Reach): boolean =>
  protocol === reach.protocol &&
  to.port === reach.port &&
  (reach.address === undefined || to.address.toLowerCase() === reach.address.toLowerCase());
