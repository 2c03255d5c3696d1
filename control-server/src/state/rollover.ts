import { X509Certificate } from 'node:crypto';
import { fingerprintsIn } from '@netport/pki';
import {
  type AuthorityView,
  limits,
  type MemberTrust,
  type Name,
  NetportError,
  type RolloverPhase,
  type RolloverStep,
  type RootView,
  type SpiffeId,
  type TrustMessage,
} from '@netport/protocol';
import type { CertificateAuthority } from '../authority/certificate-authority.js';
import { checkStep, isWaitedFor, nextStep, standing } from '../authority/phases.js';
import type { Member } from '../store/store.js';
import { auditEvent } from './audit.js';
import { noChange, type Outcome } from './change.js';
import { type Actor, memberId, type StateContext } from './context.js';
import type { Presence } from './presence.js';

/** The roots, and how far everybody is when one of them takes the place of another. */
export async function showAuthority(context: StateContext, presence: Presence): Promise<AuthorityView> {
  const { phase, since } = context.authority.record;
  const members = await memberTrust(context, presence);
  return {
    phase,
    since,
    roots: rootViews(context.authority),
    members,
    next: nextStep[phase],
    waitingFor: members.filter(({ state }) => isWaitedFor(phase, state)).map(({ kind, name }) => ({ kind, name })),
  };
}

/**
 * Takes a step of the rollover; the change tells everybody who is online. Throws `conflict` when it is not the phase's step, or
 * somebody is not there yet and it is not forced.
 */
export async function rollOver(
  context: StateContext,
  presence: Presence,
  actor: Actor,
  { step, force }: { step: RolloverStep; force: boolean },
): Promise<Outcome<AuthorityView>> {
  const { authority } = context;
  const { phase } = authority.record;
  checkStep(phase, step);
  const waits = step === 'reissue' || step === 'retire' ? (await showAuthority(context, presence)).waitingFor : [];
  if (waits.length > 0 && !force) throw notThereYet(step, waits);
  const before = fingerprintsIn(authority.rootPem);
  await authority.take(step, context.now());
  await auditEvent(context, actor, {
    action: `authority.${step}`,
    subject: null,
    before: { phase, roots: before },
    after: { phase: authority.record.phase, roots: fingerprintsIn(authority.rootPem) },
    ...(waits.length > 0 && {
      detail: { notThereYet: waits.slice(0, limits.auditNames).map(({ kind, name }) => `${kind} ${name}`) },
    }),
  });
  return { value: await showAuthority(context, presence), change: { ...noChange, authority: true } };
}

/** What everybody is told of the CA certificates. `online` is how many are told at once. */
export function trustMessage(context: StateContext, online: number): TrustMessage {
  const { rootPem, issuerPem, linkPems, rootFingerprint } = context.authority;
  return {
    type: 'trust',
    authorities: [rootPem, issuerPem, ...linkPems].join(''),
    issuing: rootFingerprint,
    renewWithin: Math.min(online * limits.reissueInterval, limits.leafLifetime),
  };
}

function notThereYet(step: RolloverStep, waits: readonly { kind: string; name: Name }[]): NetportError {
  const named = waits.slice(0, 5).map(({ kind, name }) => `${kind} ${name}`);
  const more = waits.length > named.length ? ` and ${waits.length - named.length} more` : '';
  const lost = step === 'retire' ? ': they would need new join tokens' : '';
  return new NetportError(
    'conflict',
    `${step} has to wait for ${named.join(', ')}${more}. Wait, or force it to go on without them${lost}`,
  );
}

async function memberTrust(context: StateContext, presence: Presence): Promise<MemberTrust[]> {
  const { records } = context.store;
  const { generations } = context.authority.record;
  const fingerprints = fingerprintsIn(context.authority.rootPem);
  const first = generations[0].number === 1 ? (fingerprints[0] ?? '') : '';
  const certificates = new Map<SpiffeId, string[]>();
  for (const { subject, revokedAt, root } of await records.certificates.list(context.now())) {
    if (!revokedAt) certificates.set(subject, [...(certificates.get(subject) ?? []), root ?? first]);
  }
  const view = (member: Member): MemberTrust => {
    const { kind, name, lastSeenAt } = member;
    const id = memberId(context, kind, name);
    const here = presence[kind](id);
    return {
      ...{ kind, name, online: here !== undefined },
      lastSeenAt: (here?.seenAt ?? lastSeenAt)?.toISOString() ?? null,
      state: standing({ ...member, certificates: certificates.get(id) ?? [] }, fingerprints as [string, string?]),
    };
  };
  const lists = await Promise.all([records.members.list('portal'), records.members.list('relay')]);
  return lists.flat().map(view);
}

/** Of each root, oldest first. */
const rootStates: Readonly<Record<RolloverPhase, readonly RootView['state'][]>> = {
  stable: ['current'],
  published: ['current', 'next'],
  reissuing: ['retiring', 'current'],
};

function rootViews({ rootPem, record: { phase, generations, linkPems } }: CertificateAuthority): RootView[] {
  const fingerprints = fingerprintsIn(rootPem);
  return generations.flatMap((generation, index) => {
    if (!generation) return [];
    const { validFrom, validTo } = new X509Certificate(generation.rootPem);
    const newer = index === 1;
    return {
      fingerprint: fingerprints[index] ?? '',
      state: rootStates[phase][index] ?? 'current',
      notBefore: new Date(validFrom).toISOString(),
      notAfter: new Date(validTo).toISOString(),
      pem: generation.rootPem,
      // The first of the two certifies the newer root.
      ...(newer && linkPems[0] !== undefined && { linkPem: linkPems[0] }),
    };
  });
}
