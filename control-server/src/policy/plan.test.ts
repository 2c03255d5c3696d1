import {
  type Document,
  documentSchema,
  type Labels,
  type Name,
  type PairDocument,
  type PairId,
  pairDocumentSchema,
  portRangeOf,
  selectorOf,
} from '@netport/protocol';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import type { PairRecord } from '../store/store.js';
import { expand } from './expand.js';
import { exportDocuments } from './export.js';
import { planPolicy } from './plan.js';
import type { LabelledPortal, PolicyState } from './policy-state.js';

const now = new Date('2030-01-01T00:00:00Z');
let ids = 0;
const newId = () => {
  ids += 1;
  return `id-${ids}` as PairId;
};
const plan = (state: PolicyState, documents: Document[], prune = false) =>
  planPolicy(state, { documents, prune }, { now, newId, actor: 'token:admin' });

/** What the store makes of a plan. */
function applied(state: PolicyState, documents: Document[], prune = false): PolicyState {
  const { portals, pairs, documents: stored } = plan(state, documents, prune);
  const gone = new Set([...pairs.remove, ...pairs.update.map(({ before }) => before)].map(({ id }) => id));
  const touched = new Map([...portals.add, ...portals.relabel].map((portal) => [portal.name, portal]));
  const replaced = new Set([...stored.put, ...stored.remove].map(({ kind, metadata }) => `${kind} ${metadata.name}`));
  return {
    portals: [...state.portals.filter(({ name }) => !touched.has(name)), ...touched.values()].sort(byName),
    pairs: [
      ...state.pairs.filter(({ id }) => !gone.has(id)),
      ...pairs.add,
      ...pairs.update.map(({ after }) => after),
    ].sort(byName),
    documents: [
      ...state.documents.filter(({ kind, metadata }) => !replaced.has(`${kind} ${metadata.name}`)),
      ...stored.put,
    ],
  };
}
const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);
const empty: PolicyState = { portals: [], pairs: [], documents: [] };

const document = (kind: string, name: string, spec: object, labels?: object): Document =>
  documentSchema.parse({ apiVersion: 'netport.dev/v1', kind, metadata: { name, ...(labels && { labels }) }, spec });
const pair = (name: string, spec: object): PairDocument =>
  pairDocumentSchema.parse({ apiVersion: 'netport.dev/v1', kind: 'AccessPair', metadata: { name }, spec });
const portal = (name: string, labels: Labels = {}): LabelledPortal => ({ name: name as Name, labels });

describe('a document', () => {
  const portals = [
    portal('a', { site: 'berlin' }),
    portal('b', { site: 'berlin' }),
    portal('c'),
    portal('gw', { site: 'berlin' }),
  ];
  const to = { portal: 'gw', address: '10.0.0.5', port: '80-81' };

  it('stands for each portal and port, port by port, and never for the portal that is dialled', () => {
    const ranged = pair('web', {
      from: { portals: { label: 'site=berlin' }, address: '127.0.0.1', port: '8000-8001' },
      to,
    });
    const made = expand(ranged, { portals, groups: [] }).map(({ name, from, to }) => [
      name,
      from.portal,
      from.port,
      to.port,
    ]);
    expect(made).toEqual([
      ['web-a-8000', 'a', 8000, 80],
      ['web-a-8001', 'a', 8001, 81],
      ['web-b-8000', 'b', 8000, 80],
      ['web-b-8001', 'b', 8001, 81],
    ]);
  });

  it('makes different names that fit, however long they are', () => {
    const long = pair('w'.repeat(63), { from: { portal: 'a', address: '127.0.0.1', port: '8000-8001' }, to });
    const names = expand(long, { portals, groups: [] }).map(({ name }) => name);
    expect(new Set(names).size).toBe(2);
    for (const name of names) expect(name).toMatch(/^w{54}-[0-9a-f]{8}$/);
  });

  it('takes the portals of a group, by name and by label', () => {
    const group = document('Group', 'field', { portals: ['c'], label: 'site=berlin' });
    const grouped = pair('web', {
      from: { portals: { group: 'field' }, address: 'unix:/run/x' },
      to: { ...to, port: 80 },
    });
    const names = expand(grouped, { portals, groups: group.kind === 'Group' ? [group] : [] }).map(({ name }) => name);
    expect(names).toEqual(['web-a', 'web-b', 'web-c']);
  });
});

describe('a plan refuses, and names the place of', () => {
  const state = { ...empty, portals: [portal('a'), portal('b'), portal('gw')] };
  const side = { address: '127.0.0.1', port: 8080 };
  const web = (name: string, from: object = { portal: 'a' }, to: object = {}) =>
    pair(name, { from: { ...side, ...from }, to: { portal: 'gw', ...side, ...to } });

  it.each<[string, Document[], string, RegExp]>([
    ['a name twice', [web('x'), web('x')], 'documents.1.metadata.name', /documents.0 already/],
    ['an unknown portal', [web('x', { portal: 'z' })], 'documents.0.spec.from.portal', /netport portal add z/],
    ['an unknown group', [web('x', { portals: { group: 'z' } })], 'documents.0.spec.from.portals.group', /no group/],
    [
      'an unknown portal in a group',
      [document('Group', 'g', { portals: ['a', 'z'] })],
      'documents.0.spec.portals.1',
      /named z/,
    ],
    ['a portal twice', [web('x', { portal: 'gw' })], 'documents.0.spec.to.portal', /joins two/],
    ['a listener twice', [web('x'), web('y')], 'documents.1.spec.from', /the access pair x listens on/],
    [
      'a pair that another makes',
      [web('x-a', { portal: 'b' }), web('x', { portals: { label: '!site' } })],
      'documents.1.metadata.name',
      /AccessPair x-a makes it/,
    ],
    [
      'too many pairs',
      [web('x', { portal: 'a', port: '1-65535' }, { port: '1-65535' })],
      '',
      /make 65535 access pairs/,
    ],
  ])('%s', (_what, documents, path, message) => {
    const { issues } = plan(state, documents);
    expect(issues.map((issue) => issue.path.join('.'))).toContain(path);
    expect(issues.map((issue) => issue.message).join()).toMatch(message);
  });

  it('a test about portals that do not exist, whatever it says', () => {
    const { failures } = plan(state, [document('PolicyTests', 't', { tests: ['a may not reach gq:80'] })]);
    expect(failures).toMatchObject([
      { path: ['documents', 0, 'spec', 'tests', 0], message: expect.stringContaining('named gq') },
    ]);
  });
});

const names = ['p', 'q', 'r', 's'] as const;
const labels = fc.dictionary(fc.constantFrom('site', 'role'), fc.constantFrom('x', 'y', ''), { maxKeys: 2 });
const selector = fc.constantFrom('site', '!site', 'site=x', 'site!=x,role', 'role=y');
const from = fc.oneof(
  fc.record({ portal: fc.constantFrom(...names) }),
  fc.record({ portals: fc.oneof(fc.record({ label: selector }), fc.record({ group: fc.constant('g') })) }),
);
const ports = fc.oneof(fc.integer({ min: 1, max: 65535 }), fc.constant('8000-8002'));
const spec = fc.record({
  from,
  port: ports,
  enabled: fc.boolean(),
  protocol: fc.constantFrom('tcp', 'udp'),
  scheduled: fc.boolean(),
  expires: fc.boolean(),
  reason: fc.string({ maxLength: 5 }),
});
const groups = fc.record({ portals: fc.uniqueArray(fc.constantFrom(...names)), label: selector });
const states = fc.record({
  labels: fc.tuple(labels, labels, labels, labels),
  specs: fc.array(spec, { maxLength: 6 }),
  group: groups,
});
type Drawn = typeof states extends fc.Arbitrary<infer T> ? T : never;

/** Documents for four portals, a group and grants that never listen twice on one address. */
const documentsOf = ({ labels, specs, group }: Drawn): Document[] => [
  ...names.map((name, at) => document('Portal', name, {}, labels[at])),
  document('Group', 'g', group),
  document('Portal', 'target', {}),
  ...specs.map(({ from, port, scheduled, expires, ...rest }, at) =>
    pair(`pair${at}`, {
      ...rest,
      from: { ...from, address: `127.0.0.${at + 1}`, port },
      to: { portal: 'target', address: '10.0.0.5', port },
      ...(scheduled && { schedule: { days: ['mon'], from: '08:00', to: '18:00' } }),
      ...(expires && { expiresAt: '2031-01-01T00:00:00Z' }),
    }),
  ),
];
const settled = (state: PolicyState, documents: Document[]) => {
  const { changes, pairs, issues } = plan(state, documents);
  expect(issues).toEqual([]);
  expect(changes.filter(({ action }) => action !== 'unchanged')).toEqual([]);
  return pairs;
};
const nothing = { add: [], update: [], remove: [] };

test('what is exported can be applied again, here and on an empty server, and changes nothing', () => {
  fc.assert(
    fc.property(states, (drawn) => {
      const documents = documentsOf(drawn);
      const state = applied(empty, documents);
      expect(settled(state, documents)).toEqual(nothing);
      const exported = exportDocuments(state).map((one) => documentSchema.parse(JSON.parse(JSON.stringify(one))));
      expect(settled(state, exported)).toEqual(nothing);
      expect(exportDocuments(applied(empty, exported))).toEqual(exportDocuments(state));
    }),
  );
});

test('from any state, a complete set of documents and --prune lead to the same pairs', () => {
  const essence = ({ id: _id, createdAt: _at, revision: _revision, ...pair }: PairRecord) => pair;
  fc.assert(
    fc.property(states, states, (before, after) => {
      const there = applied(applied(empty, documentsOf(before)), documentsOf(after), true);
      const direct = applied(empty, documentsOf(after));
      expect(there.pairs.map(essence)).toEqual(direct.pairs.map(essence));
    }),
  );
});

test('a document makes exactly the pairs that its selector and ports say', () => {
  fc.assert(
    fc.property(states, (drawn) => {
      const documents = documentsOf(drawn);
      const { pairs, portals } = applied(empty, documents);
      for (const one of documents) {
        if (one.kind !== 'AccessPair') continue;
        const { first, last } = portRangeOf(one.spec.from.port ?? 0);
        const { portal: single, portals: selection } = one.spec.from;
        const group = selection?.group === undefined ? undefined : drawn.group;
        const holds = selectorOf(selection?.label ?? group?.label ?? '!site,site');
        const selected = portals.filter(
          ({ name, labels }) =>
            name !== 'target' && (name === single || holds(labels) || group?.portals.includes(name as never)),
        );
        expect(pairs.filter(({ grant }) => grant === one.metadata.name)).toHaveLength(
          selected.length * (last - first + 1),
        );
      }
    }),
  );
});
