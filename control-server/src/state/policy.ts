import type { Name } from '@netport/protocol';
import { compilePolicy, type PolicyRules } from '../policy/compile.js';
import { nextChange } from '../policy/permits.js';
import type { PairRecord } from '../store/store.js';
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
