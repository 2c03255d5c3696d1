import type { AuthorityView, MemberTrust, RolloverPhase } from './api-authority.js';

export interface RolloverProgress {
  /** Those that have a certificate: nobody waits for the others. */
  total: number;
  /** Who is ready for the next step; without a rollover, who has a certificate that counts. */
  there: number;
  waiting: readonly MemberTrust[];
}

/** How many portals and relays are ready for the next step, and who is not. */
export function rolloverProgress({ phase, members, waitingFor }: AuthorityView): RolloverProgress {
  const keyOf = ({ kind, name }: { kind: string; name: string }): string => `${kind}/${name}`;
  const awaited = new Set(waitingFor.map(keyOf));
  const waiting = members.filter((member) => awaited.has(keyOf(member)));
  const total = members.filter(({ state }) => state !== 'none').length;
  const behind = phase === 'stable' ? members.filter(({ state }) => state === 'old') : waiting;
  return { total, there: total - behind.length, waiting };
}

/** What a member's state means to a person. */
export function trustText(state: MemberTrust['state'], phase: RolloverPhase): string {
  const texts: Readonly<Record<MemberTrust['state'], string>> = {
    none: 'no certificate yet',
    old: phase === 'stable' ? 'cut off: needs a new join token' : 'trusts the old root only',
    both: 'trusts both roots',
    new: phase === 'stable' ? 'certificate from the root' : 'certificate from the new root',
  };
  return texts[state];
}
