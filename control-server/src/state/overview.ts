import type { Name, Overview } from '@netport/protocol';
import type { PairRecord } from '../store/store.js';
import { memberId, type StateContext } from './context.js';
import type { PortalPresence, Presence } from './presence.js';
import { pairView } from './views.js';

/** What an overview is made of that is in the store. */
export interface FleetRecords {
  portals: readonly Name[];
  relays: readonly Name[];
  pairs: readonly PairRecord[];
}

export async function fleetRecords({ store }: StateContext): Promise<FleetRecords> {
  const { members, pairs } = store.records;
  const namesOf = async (kind: 'portal' | 'relay') => (await members.list(kind)).map(({ name }) => name);
  return { portals: await namesOf('portal'), relays: await namesOf('relay'), pairs: await pairs.list() };
}

/** The fleet at a glance. */
export function overview(context: StateContext, presence: Presence, fleet: FleetRecords): Overview {
  const now = context.now();
  // A fleet has more pairs than portals: each portal is looked up once.
  const portals = new Map<string, PortalPresence | undefined>(
    fleet.portals.map((name) => [name, presence.portalNamed(name)]),
  );
  const here: Presence = {
    portal: (id) => presence.portal(id),
    relay: (id) => presence.relay(id),
    portalNamed: (name) => portals.get(name),
  };
  const active = fleet.pairs.filter((pair) => pairView(pair, here, now).state === 'active');
  return {
    at: now.toISOString(),
    portals: fleet.portals.map((name) => ({ name, online: portals.get(name) !== undefined })),
    relays: fleet.relays.map((name) => {
      const relay = presence.relay(memberId(context, 'relay', name));
      return { name, online: relay !== undefined, datapath: relay?.datapath ?? null };
    }),
    pairs: { total: fleet.pairs.length, active: active.length },
  };
}
