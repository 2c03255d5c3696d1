import { NetportError, type RolloverPhase, type RolloverStep } from '@netport/protocol';

/** One root with its issuing CA. Its keys are elsewhere. */
export interface Generation {
  /** From 1 on. */
  number: number;
  rootPem: string;
  issuerPem: string;
}

/** What an authority consists of, but for its keys: kept as one file, so that it changes as a whole. */
export interface AuthorityRecord {
  phase: RolloverPhase;
  /** Since when, in ISO 8601. */
  since: string;
  /** One, or in a rollover two, oldest first. */
  generations: readonly [Generation, Generation?];
  /**
   * In a rollover: each root's key certified by the other (RFC 4210 §4.4), the newer one's first. After it, and until the next one
   * is over, that one: who was away for all of it and trusts the retired root alone believes whoever has its key, until this shows
   * him the root that counts.
   */
  linkPems: readonly string[];
}

/** What comes when all goes well. */
export const nextStep: Readonly<Record<RolloverPhase, RolloverStep>> = {
  stable: 'publish',
  published: 'reissue',
  reissuing: 'retire',
};

const stepsOf: Readonly<Record<RolloverPhase, readonly RolloverStep[]>> = {
  stable: ['publish'],
  published: ['reissue', 'cancel'],
  reissuing: ['retire'],
};

const told: Readonly<Record<RolloverPhase, string>> = {
  stable: 'no root CA is being replaced',
  published: 'a new root CA is published, and nothing is issued under it yet',
  reissuing: 'certificates are issued under the new root CA already',
};

/** Throws `conflict` when the step is not one of this phase. */
export function checkStep(phase: RolloverPhase, step: RolloverStep): void {
  if (stepsOf[phase].includes(step)) return;
  throw new NetportError('conflict', `${step} is not possible: ${told[phase]}. The next step is ${nextStep[phase]}`);
}

/** What follows from a step. `next` is the generation that `publish` brings, with its links. */
export function advance(
  record: AuthorityRecord,
  step: RolloverStep,
  now: Date,
  next?: { generation: Generation; linkPems: readonly string[] },
): AuthorityRecord {
  checkStep(record.phase, step);
  const since = now.toISOString();
  const [older, newer] = record.generations;
  switch (step) {
    case 'publish': {
      if (!next) throw new TypeError('there is nothing to publish');
      return {
        phase: 'published',
        since,
        generations: [older, next.generation],
        linkPems: [...next.linkPems, ...record.linkPems],
      };
    }
    case 'reissue':
      return { ...record, phase: 'reissuing', since };
    case 'retire':
      return { phase: 'stable', since, generations: [newer ?? older], linkPems: record.linkPems.slice(0, 1) };
    case 'cancel':
      return { phase: 'stable', since, generations: [older], linkPems: record.linkPems.slice(2) };
  }
}

/** The generation that certificates come from. */
export const issuing = ({ phase, generations: [older, newer] }: AuthorityRecord): Generation =>
  phase === 'reissuing' ? (newer ?? older) : older;

/** What is known of one portal or relay: what it says of itself, and what it was given. Roots are fingerprints. */
export interface MemberStanding {
  /** Null until it has said so. */
  trustedRoots: readonly string[] | null;
  certifiedBy: string | null;
  /** The roots of its certificates that are neither revoked nor expired. */
  certificates: readonly string[];
}

/** How far it is, by the fingerprints of the roots, oldest first. */
export function standing(
  { trustedRoots, certifiedBy, certificates }: MemberStanding,
  [older, newer]: readonly [string, string?],
): 'none' | 'old' | 'both' | 'new' {
  if (certificates.length === 0) return 'none';
  if (newer === undefined) return certificates.includes(older) ? 'new' : 'old';
  // Cut off by an earlier rollover: a join token is what it needs.
  if (!certificates.some((root) => root === older || root === newer)) return 'none';
  // The one that it was given last is not in use before it says so; it may have no other.
  if (certifiedBy === newer || certificates.every((root) => root === newer)) return 'new';
  return trustedRoots?.includes(newer) ? 'both' : 'old';
}

/** Whether the next step has to wait for somebody who is that far. */
export const isWaitedFor = (phase: RolloverPhase, state: ReturnType<typeof standing>): boolean =>
  phase === 'published' ? state === 'old' : phase === 'reissuing' && (state === 'old' || state === 'both');
