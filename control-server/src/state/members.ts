import { randomUUID } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { type Labels, limits, type Name, type NewToken } from '@netport/protocol';
import { notFound } from '../problem.js';
import type { Member, MemberKind, Records } from '../store/store.js';
import { audit } from './audit.js';
import { type Change, noChange, type Outcome, policyChange, unchanged } from './change.js';
import { type Actor, memberId, type StateContext } from './context.js';
import { followGrants, forgetPortal } from './grants.js';
import { makeJoinToken } from './join-tokens.js';

/** Adds a portal or relay and makes its first join token. Throws `already_exists`. */
export async function addMember(
  context: StateContext,
  actor: Actor,
  kind: MemberKind,
  { name, labels }: { name: Name; labels: Labels },
): Promise<Outcome<NewToken>> {
  const member = newMember(context, kind, name, labels);
  const { token, followed } = await context.store.transaction(async (records) => ({
    followed: await insertMember(context, records, actor, member),
    token: await makeJoinToken(context, records, member, limits.joinTokenLifetime),
  }));
  return { value: token, change: followed ? policyChange : noChange };
}

/** Adds it without a join token; answers whether any access pair changed by that. Throws `already_exists`. */
export async function insertMember(
  context: StateContext,
  records: Records,
  actor: Actor,
  member: Member,
): Promise<boolean> {
  const { kind, name, labels } = member;
  await records.members.add(member);
  await audit(context, records, actor, {
    action: `${kind}.add`,
    subject: name,
    ...(Object.keys(labels).length > 0 && { after: { labels } }),
  });
  return kind === 'portal' && followGrants(context, records, actor);
}

/** A member that nobody has seen yet. */
export const newMember = ({ now }: StateContext, kind: MemberKind, name: Name, labels: Labels): Member => ({
  id: randomUUID(),
  kind,
  name,
  createdAt: now(),
  lastSeenAt: null,
  address: null,
  version: null,
  labels,
  revokedAt: null,
  certifiedBy: null,
  trustedRoots: null,
});

/** Gives a portal or relay these labels instead of those it had; grants that select by label follow. Throws `not_found`. */
export async function labelMember(
  context: StateContext,
  actor: Actor,
  kind: MemberKind,
  name: string,
  labels: Labels,
): Promise<Change> {
  return context.store.transaction(async (records) => {
    const { id, labels: before } = await existing(records, kind, name);
    if (isDeepStrictEqual(before, labels)) return noChange;
    await records.members.label(id, labels);
    await audit(context, records, actor, {
      action: `${kind}.label`,
      subject: name,
      before: { labels: before },
      after: { labels },
    });
    const followed = kind === 'portal' && (await followGrants(context, records, actor));
    return followed ? policyChange : noChange;
  });
}

/** Makes another join token, in milliseconds of life. Throws `not_found`. */
export async function addToken(
  context: StateContext,
  actor: Actor,
  member: { kind: MemberKind; name: string },
  lifetime: number = limits.joinTokenLifetime,
): Promise<Outcome<NewToken>> {
  const token = await context.store.transaction(async (records) => {
    const found = await existing(records, member.kind, member.name);
    const made = await makeJoinToken(context, records, found, lifetime);
    await audit(context, records, actor, {
      action: `${found.kind}.token`,
      subject: found.name,
      detail: { expiresAt: made.expiresAt },
    });
    return made;
  });
  return unchanged(token);
}

/** Removes a portal or relay with its tokens and access pairs, and revokes its certificates. Throws `not_found`. */
export async function removeMember(
  context: StateContext,
  actor: Actor,
  kind: MemberKind,
  name: string,
): Promise<Outcome<Record<string, never>>> {
  const change = await context.store.transaction(async (records) => {
    const member = await existing(records, kind, name);
    const pairs = (await records.pairs.list()).filter(({ from, to }) => from.portal === name || to.portal === name);
    const withdrawn = kind === 'portal' ? pairs.map((pair) => pair.name) : [];
    await records.members.remove(member.id);
    if (kind === 'portal') await forgetPortal(records, name);
    const expulsion = await expel(context, records, member);
    if (kind === 'portal') await records.bump('policy');
    await audit(context, records, actor, {
      action: `${kind}.remove`,
      subject: name,
      before: { createdAt: member.createdAt, address: member.address, version: member.version, labels: member.labels },
      ...(withdrawn.length > 0 && { detail: { pairs: withdrawn } }),
    });
    if (kind === 'portal') await followGrants(context, records, actor);
    return { ...expulsion, policy: kind === 'portal' };
  });
  return { value: {}, change };
}

/** Revokes a member's certificates and withdraws its open join tokens; it stays, and may enrol again. Throws `not_found`. */
export async function revokeMember(
  context: StateContext,
  actor: Actor,
  kind: MemberKind,
  name: string,
): Promise<Outcome<Record<string, never>>> {
  const change = await context.store.transaction(async (records) => {
    const member = await existing(records, kind, name);
    await records.joinTokens.removeOpen(member.id);
    await records.members.revoked(member.id, context.now());
    const expulsion = await expel(context, records, member);
    await audit(context, records, actor, { action: `${kind}.revoke`, subject: name });
    return expulsion;
  });
  return { value: {}, change };
}

async function expel(context: StateContext, records: Records, member: Member): Promise<Change> {
  const id = memberId(context, member.kind, member.name);
  const revoked = await records.certificates.revoke(id, context.now());
  return { ...noChange, revocations: revoked > 0, expelled: [{ id, code: 'cert_revoked' }] };
}

/** Throws `not_found`. */
export async function existing(records: Records, kind: MemberKind, name: string): Promise<Member> {
  const member = await records.members.find(kind, name);
  if (!member) throw notFound('name', `no ${kind} is named "${name}"`);
  return member;
}
