import type { GroupDocument, Labels, Name, PairDocument, TestsDocument } from '@netport/protocol';
import type { PairRecord, StoredDocument } from '../store/store.js';

export interface LabelledPortal {
  name: Name;
  labels: Labels;
}

/** All that documents are made of, compared with and expanded over. */
export interface PolicyState {
  portals: readonly LabelledPortal[];
  pairs: readonly PairRecord[];
  documents: readonly StoredDocument[];
}

/** A pair without what only a stored one has. */
export type WantedPair = Omit<PairRecord, 'id' | 'createdAt' | 'revision'>;

/** Whether a document stands for one access pair of its own name, and not for a grant that pairs are derived from. */
export const isPlain = ({ spec: { from } }: PairDocument): boolean =>
  from.portals === undefined && typeof from.port !== 'string';

/** Whether a pair exists only because of a document that stands for several. */
export const isDerived = ({ name, grant }: Pick<PairRecord, 'name' | 'grant'>): boolean =>
  grant !== null && grant !== name;

export const isGrant = (document: { kind: string }): document is PairDocument => document.kind === 'AccessPair';
export const isGroup = (document: { kind: string }): document is GroupDocument => document.kind === 'Group';
export const isTests = (document: { kind: string }): document is TestsDocument => document.kind === 'PolicyTests';
