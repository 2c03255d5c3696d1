import { join } from 'node:path';
import type { AddPair, Name, TrustDomain } from '@netport/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { temporaryDirectory } from '../../test/harness.js';
import { memoryAuthority } from '../../test/memory-authority.js';
import { openStore } from '../store/open-store.js';
import { authenticate, keepAdminToken, makeAdminToken } from './admin.js';
import { queryAudit } from './audit.js';
import { type Change, mergeChanges, noChange, pairChange, policyChange } from './change.js';
import type { StateContext } from './context.js';
import { addMember, removeMember, revokeMember } from './members.js';
import { addPair, changePair, removePair, showPair, turnPairs } from './pairs.js';
import { currentPolicy } from './policy.js';
import { makeRevocations } from './revocations.js';

const trustDomain = 'example.org' as TrustDomain;
const admin = { name: 'token:admin', origin: null, role: 'admin' as const, scopes: null };
const nobody = { portal: () => undefined, relay: () => undefined, portalNamed: () => undefined };
const start = new Date('2030-01-01T00:00:00Z');

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let context: StateContext;
let now: Date;
beforeEach(async () => {
  directory = await temporaryDirectory();
  now = start;
  context = {
    store: await openStore(`file:${join(directory.path, 'state.db')}`, () => now),
    authority: await memoryAuthority(trustDomain, now),
    trustDomain,
    publicUrl: 'https://control.example.org:8443',
    now: () => now,
    onAudit: () => {},
  };
  for (const name of ['a', 'b']) await addMember(context, admin, 'portal', { name: name as Name, labels: {} });
});
afterEach(async () => {
  await context.store.close();
  await directory.remove();
});

const pair = (name: string, change: Partial<AddPair> = {}): AddPair => ({
  name: name as Name,
  protocol: 'tcp',
  from: { portal: 'a' as Name, address: '127.0.0.1', port: 8080 },
  to: { portal: 'b' as Name, address: '10.0.0.5', port: 80 },
  transport: 'auto',
  enabled: true,
  reason: '',
  ...change,
});
const add = (request: AddPair) => addPair(context, nobody, admin, request);
const version = () => context.store.records.current('policy');

test('a pair keeps the transport that suits it, and the policy says it to the portal that listens', async () => {
  expect((await add(pair('bulk', { transport: 'tcp' }))).value.transport).toBe('tcp');
  expect(await showPair(context, nobody, 'bulk')).toMatchObject({ transport: 'tcp' });
  const { rules } = await currentPolicy(context);
  expect(rules.get('a' as Name)?.listeners).toMatchObject([{ name: 'bulk', transport: 'tcp' }]);
});

test('each change of a pair raises the policy version once and says so; no change says nothing', async () => {
  const name = 'web' as Name;
  expect((await add(pair('web'))).change).toEqual(pairChange({ name, version: 1 }));
  expect(await version()).toBe(1);
  expect((await changePair(context, nobody, admin, 'web', { enabled: true })).change).toBe(noChange);
  expect(await version()).toBe(1);
  const disabled = await changePair(context, nobody, admin, 'web', { enabled: false });
  expect(disabled.change).toEqual(pairChange({ name, version: 2 }));
  expect((await removePair(context, admin, 'web')).change).toEqual(pairChange({ name, version: 3 }));
  expect(await version()).toBe(3);
});

test('a policy that follows the edits of pairs is the one that is read as a whole', async () => {
  let policy = await currentPolicy(context);
  const follow = async (...changes: Change[]) => {
    const { edits } = changes.reduce(mergeChanges);
    policy = await currentPolicy(context, edits && { policy, edits });
    expect(policy).toEqual(await currentPolicy(context));
  };
  const other = {
    from: { portal: 'b' as Name, address: '127.0.0.1', port: 1 },
    to: { portal: 'a' as Name, address: '10.0.0.5', port: 2 },
  };
  const first = await add(pair('web'));
  await follow(first.change);
  await follow((await add(pair('other', other))).change, (await removePair(context, admin, 'web')).change);
  const moved = await changePair(context, nobody, admin, 'other', { from: { ...other.from, port: 3 } });
  await follow(moved.change);
  // One of the edits in between is not told: all is read again.
  await add(pair('web'));
  await follow((await removePair(context, admin, 'other')).change);
  expect(policy.pairs.map(({ name }) => name)).toEqual(['web']);
  // An edit that was read already, and nothing since.
  await follow(first.change);
});

test('a refused change leaves neither a version nor an audit event behind', async () => {
  await add(pair('web'));
  const before = (await queryAudit(context, { limit: 100 })).items.length;
  await expect(
    add(pair('web', { from: { portal: 'a' as Name, address: '::', port: 1 } as never })),
  ).rejects.toMatchObject({
    code: 'already_exists',
  });
  await expect(add(pair('other'))).rejects.toMatchObject({ code: 'already_exists' });
  await expect(removePair(context, admin, 'nothing')).rejects.toMatchObject({ code: 'not_found' });
  expect(await version()).toBe(1);
  expect((await queryAudit(context, { limit: 100 })).items).toHaveLength(before);
});

test('tcp and udp may listen on the same address and port', async () => {
  await add(pair('web'));
  await expect(add(pair('dns', { protocol: 'udp' }))).resolves.toBeDefined();
});

test('a removed portal takes its pairs with it and is expelled', async () => {
  await add(pair('web'));
  const { change } = await removeMember(context, admin, 'portal', 'b');
  expect(change).toEqual({
    ...noChange,
    policy: true,
    expelled: [{ id: 'spiffe://example.org/portal/b', code: 'cert_revoked' }],
  });
  const { rules } = await currentPolicy(context);
  expect([...rules]).toEqual([]);
  const [event] = (await queryAudit(context, { limit: 1 })).items;
  expect(event).toMatchObject({
    action: 'portal.remove',
    subject: 'b',
    detail: { pairs: ['web'], before: { labels: {} } },
  });
});

test('revoked certificates are on the list until they expire, with a number that grows', async () => {
  const subject = 'spiffe://example.org/portal/a' as never;
  const notAfter = new Date('2030-01-08T00:00:00Z');
  await context.store.records.certificates.add({ serial: 'abcd', subject, notBefore: start, notAfter, root: null });
  expect((await makeRevocations(context)).serials.size).toBe(0);
  expect((await revokeMember(context, admin, 'portal', 'a')).change.revocations).toBe(true);
  expect((await revokeMember(context, admin, 'portal', 'a')).change.revocations).toBe(false);
  expect([...(await makeRevocations(context)).serials]).toEqual(['abcd']);
  now = notAfter;
  expect((await makeRevocations(context)).serials.size).toBe(0);
  expect(await context.store.records.current('crl')).toBe(3);
});

test('a pair expires once: a new version, an audit event, and not again', async () => {
  const expiresAt = '2030-01-01T01:00:00Z';
  await add(pair('brief', { expiresAt }));
  await add(pair('off', { expiresAt, enabled: false, from: { portal: 'a' as Name, address: '127.0.0.1', port: 9 } }));
  expect((await currentPolicy(context)).nextChange).toEqual(new Date(expiresAt));
  now = new Date(expiresAt);
  const outcome = await turnPairs(context, start);
  expect(outcome).toEqual({ value: 1, change: policyChange });
  expect(await turnPairs(context, now)).toEqual({ value: 0, change: noChange });
  expect((await queryAudit(context, { limit: 10, action: 'pair.expire' })).items).toMatchObject([{ subject: 'brief' }]);
  await expect(add(pair('late', { expiresAt }))).rejects.toMatchObject({ code: 'invalid_request' });
});

test('another admin token puts the old one out of force', async () => {
  const [first, second] = [makeAdminToken(), makeAdminToken()];
  await keepAdminToken(context, first);
  await keepAdminToken(context, first);
  expect(await authenticate(context, `Bearer ${first}`, 'x')).toEqual({
    name: 'token:admin',
    origin: 'x',
    role: 'admin',
    scopes: null,
  });
  await keepAdminToken(context, second);
  await expect(authenticate(context, `Bearer ${first}`, null)).rejects.toMatchObject({ code: 'unauthenticated' });
  expect(await authenticate(context, `bearer ${second}`, null)).toMatchObject({ name: 'token:admin' });
});

test('changes merge', () => {
  const expelled = { ...noChange, expelled: [{ id: 'x' as never, code: 'cert_revoked' as const }] };
  expect(mergeChanges(policyChange, expelled)).toEqual({ ...expelled, policy: true });
  expect(mergeChanges(noChange, noChange)).toEqual(noChange);
  const edit = (name: string, version: number) => ({ name: name as Name, version });
  const [first, second] = [pairChange(edit('a', 1)), pairChange(edit('b', 2))];
  expect(mergeChanges(first, second)).toEqual({ ...policyChange, edits: [edit('a', 1), edit('b', 2)] });
  expect(mergeChanges(expelled, first)).toEqual({ ...expelled, ...first, expelled: expelled.expelled });
  // Who does not say which pairs it is about may mean any.
  expect(mergeChanges(first, policyChange).edits).toBeUndefined();
});
