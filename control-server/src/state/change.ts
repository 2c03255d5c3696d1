import type { ErrorCode, Name, SpiffeId } from '@netport/protocol';

/** An access pair that was granted, changed or withdrawn, and the version of the policy since which it is so. */
export interface PairEdit {
  name: Name;
  version: number;
}

/** What connected portals and relays must be told, as a value: it merges, and it would travel over a network as it is. */
export interface Change {
  /** Some portal's policy document may differ now. */
  policy: boolean;
  /** Where it differs by single access pairs alone: these. */
  edits?: readonly PairEdit[] | undefined;
  /** The revocation list has grown. */
  revocations: boolean;
  /** The CA certificates that count, or the one that issues, are others. */
  authority: boolean;
  /** Identities whose sessions must end, and why. */
  expelled: readonly { id: SpiffeId; code: ErrorCode }[];
}

export const noChange: Change = { policy: false, revocations: false, authority: false, expelled: [] };
export const policyChange: Change = { ...noChange, policy: true };
export const pairChange = (edit: PairEdit): Change => ({ ...policyChange, edits: [edit] });

export const mergeChanges = (a: Change, b: Change): Change => ({
  policy: a.policy || b.policy,
  edits: mergeEdits(a, b),
  revocations: a.revocations || b.revocations,
  authority: a.authority || b.authority,
  expelled: [...a.expelled, ...b.expelled],
});

function mergeEdits(a: Change, b: Change): readonly PairEdit[] | undefined {
  if (!a.policy || !b.policy) return a.policy ? a.edits : b.edits;
  return a.edits && b.edits && [...a.edits, ...b.edits];
}

/** What a use case answers: its value for whoever asked, and the change for everybody else. */
export interface Outcome<T> {
  value: T;
  change: Change;
}

export const unchanged = <T>(value: T): Outcome<T> => ({ value, change: noChange });
