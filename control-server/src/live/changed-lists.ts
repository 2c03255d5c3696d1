import type { LiveList, Overview } from '@netport/protocol';

const members: Record<string, LiveList> = { portal: 'portals', relay: 'relays' };

/** The lists that an audit event tells a change of: every change writes one, in the transaction that makes it. Pure. */
export function changedBy({ action }: { action: string }): LiveList[] {
  const [kind = '', verb] = action.split('.');
  if (kind === 'pair') return ['pairs'];
  if (kind === 'authority' || kind === 'device-authority') return ['certificates'];
  if (kind === 'token') return ['tokens'];
  if (kind === 'policy') return ['policy', 'pairs', 'portals'];
  const list = members[kind];
  if (list === undefined) return [];
  if (verb === 'add') return [list, 'tokens'];
  if (verb === 'token') return ['tokens'];
  if (verb === 'enrol' || verb === 'revoke') return [list, 'tokens', 'certificates'];
  if (verb === 'remove') return [list, 'tokens', 'certificates', 'pairs'];
  return [list];
}

/** The lists in which something differs between two overviews: no audit event tells of who comes and goes. Pure. */
export function changedBetween(before: Overview, after: Overview): LiveList[] {
  return (['portals', 'relays', 'pairs'] as const).filter(
    (list) => JSON.stringify(before[list]) !== JSON.stringify(after[list]),
  );
}
