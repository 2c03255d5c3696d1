import type { ErrorCode, SpiffeId } from '@netport/protocol';

/** What connected portals and relays must be told, as a value: it merges, and it would travel over a network as it is. */
export interface Change {
  /** Some portal's policy document may differ now. */
  policy: boolean;
  /** The revocation list has grown. */
  revocations: boolean;
  /** Identities whose sessions must end, and why. */
  expelled: readonly { id: SpiffeId; code: ErrorCode }[];
}

export const noChange: Change = { policy: false, revocations: false, expelled: [] };
export const policyChange: Change = { ...noChange, policy: true };

export const mergeChanges = (a: Change, b: Change): Change => ({
  policy: a.policy || b.policy,
  revocations: a.revocations || b.revocations,
  expelled: [...a.expelled, ...b.expelled],
});

/** What a use case answers: its value for whoever asked, and the change for everybody else. */
export interface Outcome<T> {
  value: T;
  change: Change;
}

export const unchanged = <T>(value: T): Outcome<T> => ({ value, change: noChange });
