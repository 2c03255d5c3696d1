import type { Name } from '@netport/protocol';
import { compilePolicy, type PolicyRules } from '../policy/compile.js';
import { nextChange } from '../policy/permits.js';
import type { PairRecord } from '../store/store.js';
import { type Change, policyChange } from './change.js';
import type { StateContext } from './context.js';

export interface CompiledPolicy {
  version: number;
  compiledAt: Date;
  pairs: readonly PairRecord[];
  rules: ReadonlyMap<Name, PolicyRules>;
  /** When the next pair expires, or begins or ends by its schedule, if any does. */
  nextChange: Date | undefined;
}

/** The policy of this instant: version and inventory out of one transaction, so that they belong together. */
export async function currentPolicy(context: StateContext): Promise<CompiledPolicy> {
  const { version, portals, pairs } = await context.store.transaction(async (records) => ({
    version: await records.current('policy'),
    portals: await records.members.list('portal'),
    pairs: await records.pairs.list(),
  }));
  const compiledAt = context.now();
  const inventory = { trustDomain: context.trustDomain, portals: portals.map(({ name }) => name), pairs };
  return {
    version,
    compiledAt,
    pairs,
    rules: compilePolicy(inventory, compiledAt),
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
