import { type Document, documentVersion, type PairDocument, type PortalDocument } from '@netport/protocol';
import type { PairRecord } from '../store/store.js';
import { isDerived, isGrant, isGroup, isTests, type LabelledPortal, type PolicyState } from './policy-state.js';

/** Pure: the present state as documents, by kind and name. Applying them to it changes nothing. */
export function exportDocuments({ portals, pairs, documents }: PolicyState): Document[] {
  const own = pairs.filter((pair) => !isDerived(pair)).map(pairDocument);
  return [
    ...portals.map(portalDocument).sort(byName),
    ...documents.filter(isGroup).sort(byName),
    ...[...own, ...documents.filter(isGrant)].sort(byName),
    ...documents.filter(isTests).sort(byName),
  ];
}

const byName = (a: Document, b: Document): number =>
  a.metadata.name < b.metadata.name ? -1 : a.metadata.name > b.metadata.name ? 1 : 0;

const portalDocument = ({ name, labels }: LabelledPortal): PortalDocument => ({
  apiVersion: documentVersion,
  kind: 'Portal',
  metadata: { name, labels },
  spec: {},
});

const pairDocument = (pair: PairRecord): PairDocument => ({
  apiVersion: documentVersion,
  kind: 'AccessPair',
  metadata: { name: pair.name },
  spec: {
    protocol: pair.protocol,
    from: pair.from,
    to: pair.to,
    transport: pair.transport,
    enabled: pair.enabled,
    ...(pair.expiresAt && { expiresAt: pair.expiresAt.toISOString() }),
    ...(pair.schedule && { schedule: pair.schedule }),
    owner: pair.owner,
    reason: pair.reason,
  },
});
