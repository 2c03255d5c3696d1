import { limits, NetportError, type PolicyAnswer, type PolicyExport, type PolicyRequest } from '@netport/protocol';
import { exportDocuments } from '../policy/export.js';
import { refusal } from '../policy/issues.js';
import { type PolicyPlan, planPolicy } from '../policy/plan.js';
import type { Records } from '../store/store.js';
import { auditAll } from './audit.js';
import { noChange, type Outcome, policyChange } from './change.js';
import type { Actor, StateContext } from './context.js';
import { keepPairs, making, policyState } from './grants.js';
import { newMember } from './members.js';

/** The present state as documents. */
export function exportPolicy(context: StateContext): Promise<PolicyExport> {
  return context.store.transaction(async (records) => ({
    documents: exportDocuments(await policyState(records)),
    revision: await records.current('policy'),
  }));
}

/** What applying the documents would change. Throws `invalid_request` for documents that could not be applied, tests aside. */
export function diffPolicy(context: StateContext, actor: Actor, request: PolicyRequest): Promise<PolicyAnswer> {
  return context.store.transaction(async (records) => {
    const { plan, revision } = await plannedOn(context, records, actor, request);
    return answer(plan, revision);
  });
}

/**
 * Applies the documents, all or none. Throws `invalid_request` for documents that cannot be applied and for tests that
 * fail, `conflict` where something was changed since `revision`.
 */
export async function applyPolicy(
  context: StateContext,
  actor: Actor,
  request: PolicyRequest,
): Promise<Outcome<PolicyAnswer>> {
  const { value, changed } = await context.store.transaction(async (records) => {
    const { plan, revision } = await plannedOn(context, records, actor, request);
    if (plan.failures.length > 0) throw refusal(plan.failures);
    await keep(context, records, plan);
    if (!differs(plan)) return { value: answer(plan, revision), changed: false };
    const next = await records.bump('policy');
    await note(context, records, actor, plan, next);
    return { value: answer(plan, next), changed: true };
  });
  return { value, change: changed ? policyChange : noChange };
}

async function plannedOn(
  context: StateContext,
  records: Records,
  actor: Actor,
  request: PolicyRequest,
): Promise<{ plan: PolicyPlan; revision: number }> {
  const revision = await records.current('policy');
  if (request.revision !== undefined && request.revision !== revision) {
    throw new NetportError('conflict', `the state is at revision ${revision} now, not at ${request.revision} any more`);
  }
  const plan = planPolicy(await policyState(records), request, { ...making(context), actor: actor.name });
  if (plan.issues.length > 0) throw refusal(plan.issues);
  return { plan, revision };
}

/** Portals first: pairs belong to them. */
async function keep(context: StateContext, records: Records, { portals, pairs, documents }: PolicyPlan): Promise<void> {
  for (const { name, labels } of portals.add) await records.members.add(newMember(context, 'portal', name, labels));
  for (const { name, labels } of portals.relabel) {
    const member = await records.members.find('portal', name);
    if (member) await records.members.label(member.id, labels);
  }
  await records.documents.remove(documents.remove);
  await records.documents.put(documents.put);
  await keepPairs(records, pairs);
}

const differs = ({ changes }: PolicyPlan): boolean => changes.some(({ action }) => action !== 'unchanged');

/** As many events as it takes to tell of every change, before and after. */
async function note(
  context: StateContext,
  records: Records,
  actor: Actor,
  { changes, pairs }: PolicyPlan,
  revision: number,
): Promise<void> {
  const told = changes.filter(({ action }) => action !== 'unchanged');
  const counts = { added: pairs.add.length, changed: pairs.update.length, removed: pairs.remove.length };
  const events = Array.from({ length: Math.ceil(told.length / limits.auditNames) }, (_, index) => {
    const first = index * limits.auditNames;
    const detail = { revision, pairs: counts, changes: told.slice(first, first + limits.auditNames) };
    return { actor, entry: { action: 'policy.apply', subject: null, detail } };
  });
  await auditAll(context, records, events);
}

const answer = ({ changes, tests }: PolicyPlan, revision: number): PolicyAnswer => ({
  changes,
  tests: tests.map(({ test, passed, why }) => ({ test, passed, why })),
  revision,
});
