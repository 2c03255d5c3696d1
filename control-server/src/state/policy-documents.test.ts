import { join } from 'node:path';
import {
  addPairSchema,
  type Document,
  documentSchema,
  type Name,
  policyRequestSchema,
  type TrustDomain,
} from '@netport/protocol';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../../test/harness.js';
import { memoryAuthority } from '../../test/memory-authority.js';
import { openStore } from '../store/open-store.js';
import { queryAudit } from './audit.js';
import { noChange, policyChange } from './change.js';
import type { StateContext } from './context.js';
import { addMember, removeMember } from './members.js';
import { addPair, changePair, removePair, showPair, turnPairs } from './pairs.js';
import { currentPolicy } from './policy.js';
import { applyPolicy, diffPolicy, exportPolicy } from './policy-documents.js';

const admin = { name: 'token:admin', origin: null, role: 'admin' as const, scopes: null };
const nobody = { portal: () => undefined, relay: () => undefined, portalNamed: () => undefined };
/** A Monday. */
const start = new Date('2030-01-07T00:00:00Z');

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let context: StateContext;
let now: Date;
beforeEach(async () => {
  directory = await temporaryDirectory();
  now = start;
  const trustDomain = 'example.org' as TrustDomain;
  context = {
    store: await openStore(`file:${join(directory.path, 'state.db')}`, () => now),
    authority: await memoryAuthority(trustDomain, now),
    trustDomain,
    publicUrl: 'https://control.example.org:8443',
    now: () => now,
    onAudit: () => {},
  };
  for (const name of ['a', 'b', 'gw']) await addMember(context, admin, 'portal', { name: name as Name, labels: {} });
});
afterEach(async () => {
  await context.store.close();
  await directory.remove();
});

const document = (kind: string, name: string, spec: object, labels?: object): Document =>
  documentSchema.parse({ apiVersion: 'netport.dev/v1', kind, metadata: { name, ...(labels && { labels }) }, spec });
const portal = (name: string, labels: object = {}) => document('Portal', name, {}, labels);
const grant = (name: string, from: object, spec: object = {}) =>
  document('AccessPair', name, {
    from: { address: '127.0.0.1', port: 8080, ...from },
    to: { portal: 'gw', address: '10.0.0.5', port: 80 },
    ...spec,
  });
const tests = (...lines: string[]) => document('PolicyTests', 'tests', { tests: lines });
const berlin = { site: 'berlin' };
const atBerlin = grant('web', { portals: { label: 'site=berlin' } });

const request = (documents: Document[], rest: object = {}) => policyRequestSchema.parse({ documents, ...rest });
const apply = (documents: Document[], rest: object = {}) => applyPolicy(context, admin, request(documents, rest));
const actions = async (documents: Document[], rest: object = {}) =>
  (await diffPolicy(context, admin, request(documents, rest))).changes.map(
    ({ action, kind, name }) => `${action} ${kind} ${name}`,
  );
const pairs = async () => (await context.store.records.pairs.list()).map(({ name }) => name);
const byHand = (name: string) =>
  addPair(
    context,
    nobody,
    admin,
    addPairSchema.parse({
      name,
      from: { portal: 'a', address: '127.0.0.1', port: 9 },
      to: { portal: 'b', address: '127.0.0.1', port: 9 },
    }),
  );
/** All that an apply could leave behind. */
const traces = async () => ({
  exported: await exportPolicy(context),
  events: (await queryAudit(context, { limit: 1000 })).items.length,
  pairs: await context.store.records.pairs.list(),
});

describe('apply', () => {
  it('does everything at once, says what, and does nothing the second time', async () => {
    const documents = [portal('a', berlin), portal('new', berlin), atBerlin, grant('ssh', { portal: 'b', port: 22 })];
    const { value, change } = await apply(documents);
    expect(value.changes.map(({ action, name }) => `${action} ${name}`)).toEqual([
      'update a',
      'create new',
      'create web',
      'create ssh',
    ]);
    expect(change).toEqual(policyChange);
    expect(await pairs()).toEqual(['ssh', 'web-a', 'web-new']);
    expect((await showPair(context, nobody, 'web-new')).from).toEqual({
      portal: 'new',
      address: '127.0.0.1',
      port: 8080,
    });
    const [event] = (await queryAudit(context, { limit: 1 })).items;
    expect(event).toMatchObject({ action: 'policy.apply', detail: { pairs: { added: 3, changed: 0, removed: 0 } } });

    const before = await traces();
    const again = await apply(documents);
    expect(again.change).toBe(noChange);
    expect(again.value.changes.every(({ action }) => action === 'unchanged')).toBe(true);
    expect(await traces()).toEqual(before);
  });

  it('changes nothing when one of many documents is wrong, and names the place', async () => {
    const before = await traces();
    const wrong = grant('bad', { portal: 'nobody' });
    await expect(apply([portal('new'), grant('ssh', { portal: 'b', port: 22 }), wrong])).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining('documents.2.spec.from.portal: no portal is named nobody'),
      fields: [{ path: 'documents.2.spec.from.portal' }],
    });
    expect(await traces()).toEqual(before);
  });

  it('keeps what changed by hand until it is applied again, which the diff shows', async () => {
    const ssh = grant('ssh', { portal: 'b', port: 22 });
    await apply([ssh]);
    const { id } = await showPair(context, nobody, 'ssh');
    await changePair(context, nobody, admin, 'ssh', { enabled: false });
    const { changes } = await diffPolicy(context, admin, request([ssh]));
    expect(changes).toEqual([
      {
        action: 'update',
        kind: 'AccessPair',
        name: 'ssh',
        fields: [{ path: 'spec.enabled', before: false, after: true }],
      },
    ]);
    await apply([ssh]);
    expect(await showPair(context, nobody, 'ssh')).toMatchObject({ id, enabled: true });
  });

  it('gives a pair that leads elsewhere another id, so that its streams end; one with another reason keeps it', async () => {
    await apply([grant('ssh', { portal: 'b', port: 22 })]);
    const { id } = await showPair(context, nobody, 'ssh');
    await apply([grant('ssh', { portal: 'b', port: 22 }, { reason: 'maintenance' })]);
    expect((await showPair(context, nobody, 'ssh')).id).toBe(id);
    await apply([grant('ssh', { portal: 'b', port: 2222 })]);
    expect((await showPair(context, nobody, 'ssh')).id).not.toBe(id);
  });

  it('lets two pairs swap their listeners', async () => {
    await apply([grant('x', { portal: 'a', port: 1 }), grant('y', { portal: 'a', port: 2 })]);
    await apply([grant('x', { portal: 'a', port: 2 }), grant('y', { portal: 'a', port: 1 })]);
    expect((await showPair(context, nobody, 'x')).from.port).toBe(2);
  });

  it('refuses a revision that is not the present one', async () => {
    const { revision } = await diffPolicy(context, admin, request([atBerlin]));
    await apply([grant('ssh', { portal: 'b', port: 22 })], { revision });
    await expect(apply([atBerlin], { revision })).rejects.toMatchObject({ code: 'conflict' });
  });
});

describe('prune', () => {
  it('withdraws only what earlier applies made, and only when asked; never portals', async () => {
    await byHand('hand');
    const field = document('Group', 'field', { portals: ['a', 'b'] });
    const rest = [portal('new', berlin), field, grant('grp', { portals: { group: 'field' }, port: 1 }), atBerlin];
    await apply([...rest, grant('ssh', { portal: 'b', port: 22 }), tests('b may reach gw:80')]);
    const ssh = [grant('ssh', { portal: 'b', port: 22 })];
    expect(await actions(ssh)).toEqual(['unchanged AccessPair ssh']);
    expect((await actions(ssh, { prune: true })).sort()).toEqual([
      'delete AccessPair grp',
      'delete AccessPair web',
      'delete Group field',
      'delete PolicyTests tests',
      'unchanged AccessPair ssh',
    ]);
    await apply(ssh, { prune: true });
    expect(await pairs()).toEqual(['hand', 'ssh']);
    expect(await context.store.records.members.find('portal', 'new')).toBeDefined();
  });

  it('takes over a pair that was made by hand as soon as a file names it', async () => {
    await byHand('hand');
    expect(await actions([], { prune: true })).toEqual([]);
    const { documents } = await exportPolicy(context);
    expect((await apply(documents)).change).toBe(noChange);
    expect(await actions([], { prune: true })).toEqual(['delete AccessPair hand']);
  });

  it('does not take a group away from a grant that stays', async () => {
    const field = document('Group', 'field', { portals: ['a'] });
    await apply([field, grant('grp', { portals: { group: 'field' } })]);
    await expect(apply([grant('grp', { portals: { group: 'field' } })], { prune: true })).rejects.toThrow(
      'no group is named field',
    );
  });
});

describe('tests', () => {
  it('see the state that would be, and a failing one refuses all of it', async () => {
    const before = await traces();
    const documents = [grant('ssh', { portal: 'b', port: 22 }), tests('b may reach gw:80', 'b may not reach gw:80')];
    expect((await diffPolicy(context, admin, request(documents))).tests.map(({ passed }) => passed)).toEqual([
      true,
      false,
    ]);
    await expect(apply(documents)).rejects.toMatchObject({
      code: 'invalid_request',
      message: expect.stringContaining('the access pair ssh lets b reach gw:*:80'),
      fields: [{ path: 'documents.1.spec.tests.1' }],
    });
    expect(await traces()).toEqual(before);
  });

  it('of earlier applies must not be broken by later ones', async () => {
    await apply([tests('a may not reach gw:80', 'b may reach gw:80'), grant('b', { portal: 'b' })]);
    await expect(apply([grant('a', { portal: 'a' })])).rejects.toThrow('"a may not reach gw:80" fails');
    // What was broken by hand is shown, and does not stop what has nothing to do with it.
    await removePair(context, admin, 'b');
    const { value } = await apply([
      grant('other', { portal: 'a' }, { to: { portal: 'b', address: '10.0.0.6', port: 1 } }),
    ]);
    expect(value.tests.map(({ passed }) => passed)).toEqual([true, false]);
  });
});

describe('a grant', () => {
  it('follows portals that come, change their labels and go', async () => {
    await apply([portal('a', berlin), atBerlin, grant('unlabelled', { portals: { label: '!site' }, port: 81 })]);
    expect(await pairs()).toEqual(['unlabelled-b', 'web-a']);
    const { change } = await addMember(context, admin, 'portal', { name: 'c' as Name, labels: {} });
    expect(change).toEqual(policyChange);
    expect(await pairs()).toEqual(['unlabelled-b', 'unlabelled-c', 'web-a']);
    await apply([portal('a'), portal('b', berlin)]);
    expect(await pairs()).toEqual(['unlabelled-a', 'unlabelled-c', 'web-b']);
    await removeMember(context, admin, 'portal', 'b');
    expect(await pairs()).toEqual(['unlabelled-a', 'unlabelled-c']);
    await removeMember(context, admin, 'portal', 'gw');
    expect(await pairs()).toEqual([]);
    expect((await exportPolicy(context)).documents.map(({ kind }) => kind)).toEqual(['Portal', 'Portal']);
  });

  it('leaves its other pairs, and their ids, alone', async () => {
    await apply([portal('a', berlin), portal('b', berlin), atBerlin]);
    const { id } = await showPair(context, nobody, 'web-a');
    await apply([portal('b')]);
    expect(await pairs()).toEqual(['web-a']);
    expect((await showPair(context, nobody, 'web-a')).id).toBe(id);
  });

  it('makes a portal that it has no room for impossible, with the reason', async () => {
    await apply([grant('x', { portals: { label: '!site' } }), portal('gw', berlin)]);
    await apply([portal('b', berlin), grant('own', { portal: 'b' })]);
    await expect(apply([portal('b')])).rejects.toThrow('listens on 127.0.0.1:8080 (tcp) at b already');
    expect((await context.store.records.members.find('portal', 'b'))?.labels).toEqual(berlin);
  });

  it('has pairs that cannot be changed or withdrawn by themselves', async () => {
    await apply([portal('a', berlin), atBerlin]);
    await expect(removePair(context, admin, 'web-a')).rejects.toMatchObject({ code: 'pair_derived' });
    await expect(changePair(context, nobody, admin, 'web-a', { enabled: false })).rejects.toMatchObject({
      code: 'pair_derived',
    });
  });
});

describe('a schedule', () => {
  const office = { schedule: { days: ['mon-fri'], from: '08:00', to: '18:00', timezone: 'Europe/Berlin' } };

  it('puts a pair in force and out of it, each with a new version and one event', async () => {
    await apply([grant('ssh', { portal: 'b', port: 22 }, office)]);
    expect((await showPair(context, nobody, 'ssh')).state).toBe('disabled');
    expect((await showPair(context, nobody, 'ssh')).error).toMatchObject({
      code: 'outside_schedule',
      message: expect.stringContaining('2030-01-07T07:00:00.000Z'),
    });
    const closed = await currentPolicy(context);
    expect(closed.rules.get('b' as Name)?.listeners).toEqual([]);
    expect(closed.nextChange).toEqual(new Date('2030-01-07T07:00:00Z'));

    now = new Date('2030-01-07T07:00:00Z');
    expect(await turnPairs(context, start)).toEqual({ value: 1, change: policyChange });
    const open = await currentPolicy(context);
    // The portal ends it by itself, should it hear nothing more.
    expect(open.rules.get('b' as Name)?.listeners).toMatchObject([{ expiresAt: '2030-01-07T17:00:00.000Z' }]);
    expect(open.version).toBe(closed.version + 1);
    expect(open.nextChange).toEqual(new Date('2030-01-07T17:00:00Z'));
    expect((await queryAudit(context, { limit: 1 })).items).toMatchObject([
      { action: 'pair.begin', detail: { pairs: ['ssh'], count: 1 } },
    ]);
    expect(await turnPairs(context, now)).toEqual({ value: 0, change: noChange });
  });
});
