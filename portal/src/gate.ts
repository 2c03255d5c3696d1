import type { ErrorCode, PairId, PolicyDocument, PolicyRule, Protocol, SpiffeId } from '@netport/protocol';

export type Direction = 'outgoing' | 'incoming';

/** May this one stream be, at this portal? */
export interface Question {
  /** `outgoing` at the portal that listens, `incoming` at the one that dials. */
  direction: Direction;
  pair: PairId;
  /** Outgoing: who the stream will go to. Incoming: who the certificate says that the peer is. */
  peer: SpiffeId;
  protocol: Protocol;
}

export type Verdict = { allow: true; rule: PolicyRule } | { allow: false; code: ErrorCode; reason: string };

/**
 * Decides, on both portals alike, whether a stream may be. Default deny. The order: a document at all → a rule of this
 * pair in this direction → exactly this peer → this protocol → not expired. `now` is in milliseconds.
 */
export function gate(policy: PolicyDocument | undefined, question: Question, now: number): Verdict {
  const deny = (reason: string, code: ErrorCode = 'policy_denied'): Verdict => ({ allow: false, code, reason });
  if (!policy) return deny('this portal has no policy document yet');

  const rules = question.direction === 'incoming' ? policy.targets : policy.listeners;
  const rule = rules.find(({ pair }) => pair === question.pair);
  if (!rule) return deny(`no ${question.direction} rule for access pair ${question.pair}`);
  if (rule.peer !== question.peer) return deny(`access pair ${rule.name} is not with ${question.peer}`);
  if (rule.protocol !== question.protocol) return deny(`access pair ${rule.name} is for ${rule.protocol}`);
  if (isExpired(rule, now)) return deny(`access pair ${rule.name} expired at ${rule.expiresAt}`, 'pair_expired');
  return { allow: true, rule };
}

export const isExpired = (rule: PolicyRule, now: number): boolean =>
  rule.expiresAt !== undefined && Date.parse(rule.expiresAt) <= now;

/** Whether a rule still means the same address and peer; another expiry is no change. */
export const sameRule = (one: PolicyRule, other: PolicyRule): boolean =>
  one.pair === other.pair &&
  one.peer === other.peer &&
  one.protocol === other.protocol &&
  one.address === other.address &&
  one.port === other.port;

/** Every rule of a document, both directions. */
const rulesOf = (policy: PolicyDocument | undefined): PolicyRule[] => [
  ...(policy?.listeners ?? []),
  ...(policy?.targets ?? []),
];

/** The SPIFFE IDs of everybody that this portal has a rule with that has not expired. */
export const peersOf = (policy: PolicyDocument | undefined, now: number): Set<SpiffeId> =>
  new Set(rulesOf(policy).flatMap((rule) => (isExpired(rule, now) ? [] : [rule.peer])));

/** When the next rule expires, in milliseconds, or undefined when none will. */
export function nextExpiry(policy: PolicyDocument | undefined, now: number): number | undefined {
  const times = rulesOf(policy).flatMap(({ expiresAt }) => (expiresAt === undefined ? [] : [Date.parse(expiresAt)]));
  return times.filter((time) => time > now).sort((a, b) => a - b)[0];
}
