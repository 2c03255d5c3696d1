import { randomUUID } from 'node:crypto';
import { limits, NetportError, type PairId } from '@netport/protocol';
import { deriveGrants } from '../policy/grants.js';
import { refusal } from '../policy/issues.js';
import type { Making, PairChanges } from '../policy/pair-changes.js';
import { isDerived, isGrant, isGroup, type PolicyState } from '../policy/policy-state.js';
import type { PairRecord, Records } from '../store/store.js';
import { audit } from './audit.js';
import type { Actor, StateContext } from './context.js';

/** What documents are compared with and expanded over. */
export async function policyState(records: Records): Promise<PolicyState> {
  return {
    portals: await records.members.list('portal'),
    pairs: await records.pairs.list(),
    documents: await records.documents.list(),
  };
}

export const making = ({ now }: StateContext): Making => ({ now: now(), newId: () => randomUUID() as PairId });

/** Writes what is to become of the pairs. Those that change go first: another may take over a name or a listener. */
export async function keepPairs(records: Records, { add, update, remove }: PairChanges): Promise<void> {
  await records.pairs.removeAll([...remove, ...update.map(({ before }) => before)].map(({ id }) => id));
  await records.pairs.addAll([...add, ...update.map(({ after }) => after)]);
}

/**
 * Brings the pairs of the grants that stand up to date, inside the transaction in which portals came, went or changed
 * their labels; answers whether any pair changed. Throws `invalid_request` where a grant cannot be followed: the whole
 * change is refused then.
 */
export async function followGrants(context: StateContext, records: Records, actor: Actor): Promise<boolean> {
  const state = await policyState(records);
  if (!state.documents.some(isGrant)) return false;
  const { changes, issues } = deriveGrants(state, making(context));
  if (issues.length > 0) throw refusal(issues);
  const names = {
    added: changes.add.map(({ name }) => name),
    changed: changes.update.map(({ after }) => after.name),
    removed: changes.remove.map(({ name }) => name),
  };
  const lists = Object.entries(names).filter(([, list]) => list.length > 0);
  if (lists.length === 0) return false;
  await keepPairs(records, changes);
  await records.bump('policy');
  const detail = Object.fromEntries(
    lists.map(([what, list]) => [what, { count: list.length, pairs: list.slice(0, limits.auditNames) }]),
  );
  await audit(context, records, actor, { action: 'policy.follow', subject: null, detail });
  return true;
}

/** Takes a portal that is going out of groups, and withdraws the grants that name it, as its own pairs go with it. */
export async function forgetPortal(records: Records, portal: string): Promise<void> {
  const documents = await records.documents.list();
  const groups = documents.filter(isGroup).filter(({ spec }) => spec.portals.some((name) => name === portal));
  await records.documents.put(
    groups.map(({ spec, ...group }) => ({
      ...group,
      spec: { ...spec, portals: spec.portals.filter((name) => name !== portal) },
    })),
  );
  await records.documents.remove(
    documents.filter(isGrant).filter(({ spec: { from, to } }) => from.portal === portal || to.portal === portal),
  );
}

/** Throws `pair_derived` for a pair that only its document can change: the next change of a label would undo it. */
export function refuseDerived(pair: Pick<PairRecord, 'name' | 'grant'>): void {
  if (!isDerived(pair)) return;
  throw new NetportError(
    'pair_derived',
    `the access pair ${pair.name} is one of those that AccessPair ${pair.grant} makes`,
  );
}
