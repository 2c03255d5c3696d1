import { formatSpiffeId, type Name, type PolicyDocument, type PolicyRule, type TrustDomain } from '@netport/protocol';
import type { PairRecord } from '../store/store.js';
import { inForce, nextTurn } from './permits.js';

export interface Inventory {
  trustDomain: TrustDomain;
  portals: readonly Name[];
  pairs: readonly PairRecord[];
}

/** The rules of one portal, without the version and time that make them a document. */
export type PolicyRules = Pick<PolicyDocument, 'listeners' | 'targets'>;

/**
 * What each portal may do at this instant: default deny. A pair counts only where it is enabled, not expired, and both
 * its portals exist. Rules are in the order of their pairs' names, so that the same grants give the same bytes.
 */
export function compilePolicy({ trustDomain, portals, pairs }: Inventory, now: Date): Map<Name, PolicyRules> {
  const policies = new Map(portals.map((portal): [Name, PolicyRules] => [portal, { listeners: [], targets: [] }]));
  const ordered = [...pairs].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  for (const pair of ordered) {
    const from = policies.get(pair.from.portal);
    const to = policies.get(pair.to.portal);
    if (!from || !to || !inForce(pair, now)) continue;
    from.listeners.push({
      ...ruleOf(trustDomain, now, pair, pair.from, pair.to),
      ...(pair.transport !== 'auto' && { transport: pair.transport }),
    });
    to.targets.push(ruleOf(trustDomain, now, pair, pair.to, pair.from));
  }
  return policies;
}

const ruleOf = (
  trustDomain: TrustDomain,
  now: Date,
  pair: PairRecord,
  own: PairRecord['from'],
  other: PairRecord['from'],
): PolicyRule => {
  // A window that closes is an end, too: so the portal keeps to it when it hears nothing from here.
  const ends = nextTurn(pair, now);
  return {
    pair: pair.id,
    name: pair.name,
    protocol: pair.protocol,
    peer: formatSpiffeId({ trustDomain, kind: 'portal', name: other.portal }),
    address: own.address,
    ...(own.port !== undefined && { port: own.port }),
    ...(ends && { expiresAt: ends.toISOString() }),
  };
};
