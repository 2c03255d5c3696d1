import type { Name } from '@netport/protocol';
import { expect, test } from 'vitest';
import { aboutOf, explainEvent, formerPair, type KnownPair } from './explain-event.js';
import type { TrailEvent } from './explain-trail.js';

const a = 'spiffe://example.org/portal/a';
const b = 'spiffe://example.org/portal/b';
const pair: KnownPair = {
  id: 'id-web',
  name: 'web' as Name,
  protocol: 'tcp',
  from: { portal: 'a' as Name, address: '127.0.0.1', port: 8080 },
  to: { portal: 'b' as Name, address: 'unix:/run/x.sock' },
};
const back: KnownPair = { ...pair, id: 'id-back', name: 'back' as Name, from: pair.to, to: pair.from };

const event = (id: number, action: string, change: Partial<TrailEvent> = {}): TrailEvent => ({
  ...{ id, at: new Date(1_900_000_000_000 + id * 1000), actor: 'token:admin', origin: null, action },
  ...{ subject: 'web', code: null, detail: {} },
  ...change,
});
const described = { id: 'id-web', protocol: 'tcp', from: 'a:127.0.0.1:8080', to: 'b:unix:/run/x.sock' };

test('a removed pair is known from its removal', () => {
  expect(formerPair(event(1, 'pair.remove', { detail: { before: { ...described, transport: 'auto' } } }))).toEqual(
    pair,
  );
  expect(formerPair(event(1, 'pair.remove'))).toBeUndefined();
  expect(
    formerPair(event(1, 'pair.remove', { detail: { before: { ...described, from: 'a:nonsense' } } })),
  ).toBeUndefined();
});

test.each<[string, TrailEvent, ReturnType<typeof aboutOf>]>([
  [
    'a stream, by the id of its pair',
    event(1, 'stream.failed', { subject: 'id-web' }),
    { pair, portal: pair.from.portal },
  ],
  [
    'a stream of a pair that nobody knows',
    event(1, 'stream.failed', { subject: 'id-gone', actor: b }),
    { portal: 'b' as Name },
  ],
  ['a change of a pair', event(1, 'pair.disable'), { pair, portal: pair.from.portal }],
  [
    'a refused circuit, by its direction',
    event(1, 'circuit.deny', { subject: 'b', actor: b, detail: { peer: a } }),
    { pair: back, portal: back.from.portal },
  ],
  [
    'a circuit, by its two portals',
    event(1, 'circuit.end', { subject: 'id', detail: { from: 'a', to: 'b' } }),
    { pair, portal: pair.from.portal },
  ],
  ['a portal', event(1, 'portal.enrol', { subject: 'c', actor: 'anonymous' }), { portal: 'c' as Name }],
  ['neither', event(1, 'api.deny', { subject: 'GET /x', actor: 'anonymous' }), undefined],
])('an event is about %s', (_what, happened, about) => {
  expect(aboutOf(happened, [pair, back])).toEqual(about);
});

const added = event(1, 'pair.add', { detail: { after: described } });

test.each<[string, TrailEvent[], RegExp]>([
  ['nothing before', [], /^the trail does not tell how web stood then$/],
  ['added', [added], /^web was in force, by token:admin at 2030-\S+ \(pair\.add\): policy was not/],
  [
    'added, but not enabled',
    [event(1, 'pair.add', { detail: { after: { enabled: false } } })],
    /^web was disabled, by token:admin/,
  ],
  ['disabled', [added, event(2, 'pair.disable')], /^web was disabled, by token:admin/],
  ['enabled again', [event(3, 'pair.enable'), added, event(2, 'pair.disable')], /^web was in force/],
  ['expired', [added, event(2, 'pair.expire')], /^web was expired, by token:admin/],
  ['removed', [added, event(2, 'pair.remove')], /^web was removed, by token:admin/],
  [
    'disabled, and only its target changed since',
    [added, event(2, 'pair.disable'), event(3, 'pair.change', { detail: { before: { to: 'x' }, after: { to: 'y' } } })],
    /^web was disabled, .* \(pair\.disable\)$/,
  ],
  [
    'disabled together with other changes',
    [added, event(3, 'pair.change', { detail: { before: { enabled: true }, after: { enabled: false } } })],
    /^web was disabled, .* \(pair\.change\)$/,
  ],
  ['removed only later', [added, event(9, 'pair.remove')], /^web was in force/],
])('how a pair stood at an event: %s', (_what, history, standing) => {
  const happened = event(5, 'stream.failed', { subject: 'id-web', actor: b, code: 'connect_refused' });
  const told = explainEvent(happened, pair, history);
  expect(told).toMatchObject({ id: 5, hop: 'target', cause: { code: 'connect_refused' } });
  expect(told.pair).toMatch(standing);
  expect(told.history.map(({ id }) => id)).toEqual(history.map(({ id }) => id).sort());
});

test('an event without a pair or a code is what it is', () => {
  const told = explainEvent(event(5, 'portal.add', { subject: 'c' }), undefined, []);
  expect(told).toMatchObject({ action: 'portal.add', subject: 'c', hop: null, cause: null, pair: null, history: [] });
});
