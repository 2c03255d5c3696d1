import type { Name } from '@netport/protocol';
import { compilePolicy, type PolicyRules } from '../policy/compile.js';
import { nextChange } from '../policy/permits.js';
import type { PairRecord, Records } from '../store/store.js';
import { type Change, type PairEdit, policyChange } from './change.js';
import type { StateContext } from './context.js';

export interface CompiledPolicy {
  version: number;
  compiledAt: Date;
  pairs: readonly PairRecord[];
  rules: ReadonlyMap<Name, PolicyRules>;
  /** When the next pair expires, or begins or ends by its schedule, if any does. */
  nextChange: Date | undefined;
}

/**
 * The policy of this instant: version and pairs out of one transaction, so that they belong together. Of thousands of pairs
 * only those that were edited `since` are read again, where that is known to be all.
 */
export async function currentPolicy(
  context: StateContext,
  since?: { policy: CompiledPolicy; edits: readonly PairEdit[] },
): Promise<CompiledPolicy> {
  const { version, pairs } = await context.store.transaction(async (records) => {
    const version = await records.current('policy');
    const edited = since && editedNames(since.policy.version, version, since.edits);
    const pairs = edited ? await withEdited(records, since.policy.pairs, edited) : await records.pairs.list();
    return { version, pairs };
  });
  const compiledAt = context.now();
  return {
    version,
    compiledAt,
    pairs,
    rules: compilePolicy({ trustDomain: context.trustDomain, portals: portalsOf(pairs), pairs }, compiledAt),
    nextChange: nextChange(pairs, compiledAt),
  };
}

/** From when on versions may be counted in seconds: as a number of 32 bits that lasts until 2088. */
const versionEpoch = Date.UTC(2020, 0);

/**
 * For a portal that has a newer policy in force than there is here: the database is a restored one, and portals refuse
 * whatever is older than what they have. Versions go on from the clock, which is ahead of any count of changes. What the
 * portal says is no measure: one that lies could use the numbers up.
 */
export async function overtakePolicy(context: StateContext): Promise<Change> {
  const version = Math.floor((context.now().getTime() - versionEpoch) / 1000);
  await context.store.transaction(async (records) => {
    if ((await records.current('policy')) < version) await records.advance('policy', version);
  });
  return policyChange;
}

/** What was edited between two versions; undefined where an edit of some version in between is not known. */
function editedNames(before: number, version: number, edits: readonly PairEdit[]): ReadonlySet<Name> | undefined {
  const between = edits.filter((edit) => edit.version > before && edit.version <= version);
  if (new Set(between.map((edit) => edit.version)).size !== version - before) return undefined;
  return new Set(between.map(({ name }) => name));
}

async function withEdited(
  records: Records,
  pairs: readonly PairRecord[],
  names: ReadonlySet<Name>,
): Promise<PairRecord[]> {
  const others = pairs.filter(({ name }) => !names.has(name));
  const all = [...others, ...(await records.pairs.named([...names]))];
  return all.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** The database sees to it that they exist; the others have no rules. */
const portalsOf = (pairs: readonly PairRecord[]): Name[] => [
  ...new Set(pairs.flatMap(({ from, to }) => [from.portal, to.portal])),
];
