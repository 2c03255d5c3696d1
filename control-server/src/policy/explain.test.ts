import type { ErrorCode, HopName, Name, TunnelView } from '@netport/protocol';
import { hopNames, limits } from '@netport/protocol';
import { expect, test } from 'vitest';
import { pairRecord } from '../../test/pair-record.js';
import type { PairRecord } from '../store/store.js';
import { explain } from './explain.js';
import type { ExplainFacts, Failure, PortalFacts } from './explain-facts.js';

const at = new Date('2030-01-01T12:00:00Z');
const ago = (minutes: number): Date => new Date(at.getTime() - minutes * 60_000);
const stale = new Date(at.getTime() - limits.explainRecent);

const pair = pairRecord('web', { createdAt: ago(600) });
const portal = (name: string, change: Partial<PortalFacts> = {}): PortalFacts => ({
  name: name as Name,
  since: ago(60),
  lastSeenAt: at,
  certificate: { state: 'valid', until: ago(-6000) },
  ...change,
});
const tunnel = {
  ...{ from: 'a', to: 'b', transport: 'quic', path: 'relayed', relay: 'r1', streams: 1, rttMs: 12.34 },
  ...{ reason: 'QUIC was first', since: ago(5).toISOString() },
} as TunnelView;
const option = (name: string, preferredFor: string | null) => ({
  ...{ name: name as Name, circuits: 1, capacity: 10, roundTripMs: 2.5, preferredFor },
});
const failure = (hop: HopName, code: ErrorCode, when = ago(1)): Failure => ({
  hop,
  code,
  message: `${code}!`,
  at: when,
});
const nothing = { failures: [], success: null };
const carried = { running: 1, since: ago(3), target: '10.0.0.5:80' };

/** Everything is well, but for nothing that has been seen yet. */
const facts = (change: Partial<ExplainFacts> = {}): ExplainFacts => ({
  at,
  question: { portal: 'a' as Name, address: '127.0.0.1', port: 8080, protocol: 'tcp' },
  match: { pair, note: null, nearest: [] },
  portal: portal('a'),
  peer: portal('b'),
  relays: [option('r1', 'shorter round trips'), option('r2', null)],
  tunnel: undefined,
  streams: { running: 0, since: null, target: null },
  trail: nothing,
  tried: {},
  ...change,
});
const withPair = (change: Partial<PairRecord>) => ({
  match: { pair: { ...pair, ...change }, note: null, nearest: [] },
});
const ok = { trial: { message: 'it', ms: 3 } };

test.each<[string, Partial<ExplainFacts>, string, ErrorCode, RegExp?]>([
  [
    'no pair',
    { match: { pair: undefined, note: null, nearest: [{ pair: 'x' as Name, difference: 'far' }] }, peer: undefined },
    'denied',
    'policy_denied',
    /x comes closest, but far/,
  ],
  ['a disabled pair', withPair({ enabled: false }), 'denied', 'policy_denied', /web is disabled/],
  [
    'a pair outside its schedule',
    withPair({ schedule: { days: ['mon-sun'], from: '13:00', to: '14:00', timezone: 'UTC' } }),
    'denied',
    'policy_denied',
    /web is outside its schedule, mon-sun 13:00–14:00 UTC/,
  ],
  ['an expired pair', withPair({ expiresAt: at }), 'denied', 'pair_expired'],
  [
    'a taken port',
    { portal: portal('a', { listenerFailure: { code: 'address_in_use', message: 'taken' } }) },
    'broken',
    'address_in_use',
  ],
  [
    'a portal that never enrolled',
    { portal: portal('a', { certificate: { state: 'none', token: 'open' } }) },
    'denied',
    'cert_missing',
    /its join token is open/,
  ],
  [
    'an expired certificate',
    { peer: portal('b', { certificate: { state: 'expired', at: ago(9) } }) },
    'denied',
    'cert_expired',
  ],
  [
    'a revoked certificate',
    { peer: portal('b', { certificate: { state: 'revoked', at: ago(9) }, since: null }) },
    'denied',
    'cert_revoked',
  ],
  ['an offline portal', { portal: portal('a', { since: null }) }, 'broken', 'peer_offline', /a has no control session/],
  ['an offline peer', { peer: portal('b', { since: null }) }, 'broken', 'peer_offline', /b has no control session/],
  ['no relay', { relays: [] }, 'broken', 'relay_unavailable'],
  [
    'a tunnel that failed',
    { trail: { failures: [failure('tunnel', 'circuit_expired')], success: null } },
    'broken',
    'circuit_expired',
  ],
  [
    'a tunnel that was tried',
    { tried: { tunnel: { trial: { code: 'leg_rejected', message: 'no', ms: 1 } } } },
    'broken',
    'leg_rejected',
  ],
  [
    'a target that refused',
    { trail: { failures: [failure('target', 'connect_refused')], success: ago(2) } },
    'broken',
    'connect_refused',
  ],
  [
    'a target that refuses while an older stream runs',
    { tunnel, streams: carried, trail: { failures: [failure('target', 'connect_refused', ago(2))], success: null } },
    'broken',
    'connect_refused',
  ],
  [
    'a target that was tried, whatever worked before',
    { tunnel, streams: carried, tried: { target: { trial: { code: 'dns_failed', message: 'no such name', ms: 1 } } } },
    'broken',
    'dns_failed',
  ],
  [
    'a peer whose own gate says no',
    { trail: { failures: [failure('peer', 'policy_denied')], success: null } },
    'denied',
    'policy_denied',
  ],
])('%s', (_what, change, verdict, code, message) => {
  const answer = explain(facts(change));
  expect(answer).toMatchObject({ verdict, cause: { code } });
  expect(answer.cause?.help).toMatch(/\.$/);
  if (message) expect(answer.cause?.message).toMatch(message);
});

test('the first cause is what the others follow from', () => {
  const everything: Partial<ExplainFacts>[] = [
    { trail: { failures: [failure('target', 'connect_refused')], success: null } },
    { trail: { failures: [failure('target', 'connect_refused'), failure('tunnel', 'tunnel_failed')], success: null } },
    { relays: [] },
    { peer: portal('b', { since: null }) },
    { portal: portal('a', { listenerFailure: { code: 'address_in_use', message: 'taken' } }) },
    { portal: portal('a', { since: null, listenerFailure: { code: 'address_in_use', message: 'taken' } }) },
    withPair({ expiresAt: at }),
  ];
  let worse = {};
  const causes = everything.map((change) => {
    worse = { ...worse, ...change };
    return explain(facts(worse)).cause?.code;
  });
  expect(causes).toEqual([
    'connect_refused',
    'tunnel_failed',
    'relay_unavailable',
    'peer_offline',
    'address_in_use',
    'peer_offline',
    'pair_expired',
  ]);
});

test.each<[string, Partial<ExplainFacts>, string]>([
  ['nothing was seen', {}, 'unknown'],
  ['only a tunnel stands', { tunnel }, 'unknown'],
  ['a stream runs', { tunnel, streams: carried }, 'works'],
  ['a stream opened lately, and the tunnel closed since', { trail: { failures: [], success: ago(10) } }, 'works'],
  ['the last stream was long ago', { tunnel, trail: { failures: [], success: stale } }, 'unknown'],
  [
    'a failure is older than a success',
    { trail: { failures: [failure('target', 'dns_failed', ago(4))], success: ago(3) } },
    'works',
  ],
  ['a failure is old', { trail: { failures: [failure('target', 'dns_failed', stale)], success: null } }, 'unknown'],
  ['both were tried', { tried: { tunnel: ok, target: ok } }, 'works'],
  ['only the target could be tried', { tried: { tunnel: { untried: 'a is too old' }, target: ok } }, 'unknown'],
  [
    'a try succeeds after failures',
    { tried: { tunnel: ok, target: ok }, trail: { failures: [failure('target', 'connect_refused')], success: null } },
    'works',
  ],
  [
    'a portal is gone and its tunnel stands',
    { portal: portal('a', { since: null }), tunnel, streams: carried },
    'works',
  ],
  [
    'a tunnel failed before its peer came back',
    {
      peer: portal('b', { since: ago(1) }),
      trail: { failures: [failure('tunnel', 'circuit_expired', ago(2))], success: null },
    },
    'unknown',
  ],
])('%s: no cause', (_what, change, verdict) => {
  expect(explain(facts(change))).toMatchObject({ verdict, cause: null });
});

test('every hop is told of, in order, and in words', () => {
  const { hops } = explain(facts({ tunnel, streams: carried }));
  expect(hops.map(({ hop }) => hop)).toEqual(hopNames);
  expect(hops.map(({ state }) => state)).toEqual(hopNames.map(() => 'ok'));
  expect(hops.map(({ message }) => message)).toEqual([
    'a listens on 127.0.0.1:8080',
    'web leads to b:10.0.0.5:80 (tcp)',
    `a is online; its certificate is valid until ${ago(-6000).toISOString()}`,
    `b is online; its certificate is valid until ${ago(-6000).toISOString()}`,
    'r1 carries the tunnel',
    'stands over quic, relayed by r1, 12.3 ms: QUIC was first',
    'streams running now: 1, to 10.0.0.5:80',
  ]);
});

test('without a tunnel the relay is the one that would be taken, and why', () => {
  const relayOf = (relays: ExplainFacts['relays']) =>
    explain(facts({ relays })).hops.find(({ hop }) => hop === 'relay');
  expect(relayOf(facts().relays)?.message).toBe(
    'r1 would be taken, before r2, for shorter round trips: 1 of 10 circuits, 2.5 ms',
  );
  expect(relayOf([{ ...option('r1', null), roundTripMs: null }])?.message).toBe(
    'r1 would be taken, the only one with room: 1 of 10 circuits, not measured yet',
  );
});
