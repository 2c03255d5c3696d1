import {
  type AddPair,
  addPairSchema,
  type Conflict,
  endpointSchema,
  formatEndpoint,
  limits,
  listenerKey,
  type Name,
  NetportError,
} from '@netport/protocol';
import { fieldErrors } from '../problem.js';
import type { Member, PairRecord, Records } from '../store/store.js';
import type { StateContext } from './context.js';

interface DraftSide {
  portal: Name;
  address?: string | undefined;
  port?: number | undefined;
}

/** What is known of a pair that is to be: a form may not be filled in yet. */
export interface PairDraft {
  name?: Name | undefined;
  protocol?: AddPair['protocol'] | undefined;
  from?: DraftSide | undefined;
  to?: DraftSide | undefined;
  expiresAt?: string | undefined;
}

/** What speaks against a pair; `current` is what it is now, where it is an edit. */
export async function findConflicts(
  records: Records,
  draft: PairDraft,
  now: Date,
  current?: PairRecord,
): Promise<Conflict[]> {
  const portals = { from: await portalOf(records, draft.from), to: await portalOf(records, draft.to) };
  const conflicts = [
    samePortals(draft),
    expiryConflict(draft, now, current),
    await nameConflict(records, draft, current),
    await portalConflict(records, 'from', draft, portals.from, current),
    await portalConflict(records, 'to', draft, portals.to, current),
    await listenerConflict(records, draft, portals.from, current),
  ];
  return conflicts.filter((conflict) => conflict !== undefined);
}

/** Throws the first of them, with all of them as its fields. */
export function refuseConflicts(conflicts: readonly Conflict[]): void {
  const [first] = conflicts;
  if (!first) return;
  const fields = conflicts.map(({ path, message }) => ({ path, message }));
  throw new NetportError(first.code, first.message, { fields });
}

/** What would speak against whatever was sent as a pair, finished or not. */
export async function checkPair(
  { store, now }: StateContext,
  input: unknown,
  editing: Name | undefined,
): Promise<{ conflicts: Conflict[] }> {
  const result = addPairSchema.safeParse(input);
  const malformed = result.success ? [] : fieldErrors(result.error);
  const current = editing === undefined ? undefined : await store.records.pairs.find(editing);
  const draft: PairDraft = result.success ? result.data : draftOf(input);
  const conflicts = await findConflicts(store.records, draft, now(), current);
  return { conflicts: [...malformed.map((field) => ({ ...field, code: 'invalid_request' as const })), ...conflicts] };
}

/** The fields that are right by themselves. */
function draftOf(input: unknown): PairDraft {
  const { shape } = addPairSchema;
  const given = fieldsOf(input);
  const side = (value: unknown): DraftSide | undefined => {
    const { portal, address, port } = fieldsOf(value);
    const known = endpointSchema.shape.portal.safeParse(portal);
    if (!known.success) return undefined;
    return {
      portal: known.data,
      address: endpointSchema.shape.address.safeParse(address).data,
      port: endpointSchema.shape.port.safeParse(port).data,
    };
  };
  return {
    name: shape.name.safeParse(given.name).data,
    protocol: shape.protocol.safeParse(given.protocol).data,
    from: side(given.from),
    to: side(given.to),
    expiresAt: shape.expiresAt.safeParse(given.expiresAt).data,
  };
}

const fieldsOf = (input: unknown): Record<string, unknown> =>
  typeof input === 'object' && input !== null ? { ...input } : {};

const portalOf = async (records: Records, side: DraftSide | undefined): Promise<Member | undefined> =>
  side && records.members.find('portal', side.portal);

async function nameConflict(
  records: Records,
  { name }: PairDraft,
  current: PairRecord | undefined,
): Promise<Conflict | undefined> {
  if (name === undefined || name === current?.name || !(await records.pairs.find(name))) return undefined;
  return { path: 'name', code: 'already_exists', message: `the access pair ${name} exists already` };
}

function samePortals({ from, to }: PairDraft): Conflict | undefined {
  if (!from || from.portal !== to?.portal) return undefined;
  const message = `from.portal and to.portal are both ${to.portal}: a pair joins two portals`;
  return { path: 'to.portal', code: 'invalid_request', message };
}

async function portalConflict(
  records: Records,
  side: 'from' | 'to',
  draft: PairDraft,
  portal: Member | undefined,
  current: PairRecord | undefined,
): Promise<Conflict | undefined> {
  const name = draft[side]?.portal;
  if (name === undefined) return undefined;
  const path = `${side}.portal`;
  if (!portal) return { path, code: 'not_found', message: `no portal is named "${name}"` };
  const isOfIt = current?.from.portal === name || current?.to.portal === name;
  if (isOfIt || (await records.pairs.countOf(portal.id)) < limits.pairsPerPortal) return undefined;
  const message = `${name} has ${limits.pairsPerPortal} access pairs, as many as it may`;
  return { path, code: 'limit_exceeded', message };
}

async function listenerConflict(
  records: Records,
  { from, protocol }: PairDraft,
  portal: Member | undefined,
  current: PairRecord | undefined,
): Promise<Conflict | undefined> {
  if (!portal || protocol === undefined || from?.address === undefined) return undefined;
  const place = { address: from.address, port: from.port };
  const other = await records.pairs.findListener(portal.id, listenerKey({ ...place, protocol }));
  if (!other || other.id === current?.id) return undefined;
  return {
    path: from.port === undefined ? 'from.address' : 'from.port',
    code: 'already_exists',
    message: `the access pair ${other.name} listens on ${formatEndpoint(place)} (${protocol}) at ${portal.name} already`,
  };
}

/** One that has expired may be edited otherwise. */
function expiryConflict({ expiresAt }: PairDraft, now: Date, current: PairRecord | undefined): Conflict | undefined {
  if (expiresAt === undefined) return undefined;
  const at = new Date(expiresAt);
  if (at > now || at.getTime() === current?.expiresAt?.getTime()) return undefined;
  return { path: 'expiresAt', code: 'invalid_request', message: `expiresAt ${expiresAt} is in the past` };
}
