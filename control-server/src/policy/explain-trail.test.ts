import type { ErrorCode, HopName, Name, PairId } from '@netport/protocol';
import { expect, test } from 'vitest';
import type { PairRecord } from '../store/store.js';
import { readTrail, type TrailEvent } from './explain-trail.js';

const pair = {
  id: 'id-web' as PairId,
  name: 'web' as Name,
  from: { portal: 'a' as Name, address: '127.0.0.1', port: 8080 },
  to: { portal: 'b' as Name, address: '10.0.0.5', port: 80 },
} as PairRecord;
const [a, b, c] = ['a', 'b', 'c'].map((name) => `spiffe://example.org/portal/${name}`) as [string, string, string];

let id = 0;
const event = (action: string, change: Partial<TrailEvent> = {}): TrailEvent => {
  id += 1;
  const at = new Date(1_900_000_000_000 + id * 1000);
  return { id, at, actor: a, origin: null, action, subject: pair.id, code: null, detail: {}, ...change };
};

test.each<[string, string, ErrorCode, string, Partial<TrailEvent>, HopName]>([
  ['the target, by who dials it', 'stream.failed', 'permission_denied', b, {}, 'target'],
  ['the target, by who listens', 'stream.failed', 'connect_refused', a, {}, 'target'],
  ['the way there', 'stream.failed', 'circuit_expired', a, {}, 'tunnel'],
  ['the relay', 'stream.failed', 'relay_unavailable', a, {}, 'relay'],
  ["the peer's gate", 'stream.failed', 'policy_denied', a, {}, 'peer'],
  ["the portal's own gate", 'stream.denied', 'policy_denied', a, {}, 'portal'],
  ["the peer's own gate", 'stream.denied', 'pair_expired', b, {}, 'peer'],
  ['the tunnel, by its client', 'tunnel.failed', 'cert_wrong_name', a, { subject: b, detail: { peer: b } }, 'tunnel'],
  ['the tunnel, by its server', 'tunnel.failed', 'leg_rejected', b, { subject: a, detail: { peer: a } }, 'tunnel'],
  ['the allocation', 'circuit.deny', 'rate_limited', a, { subject: 'a', detail: { peer: b } }, 'tunnel'],
  ['the choice of relay', 'circuit.deny', 'relay_unavailable', a, { subject: 'a', detail: { peer: b } }, 'relay'],
])('a failure of %s', (_what, action, code, actor, change, hop) => {
  const failed = event(action, { code, actor, ...change });
  expect(readTrail([failed], pair).failures).toEqual([{ hop, code, message: action, at: failed.at }]);
});

test.each<[string, TrailEvent]>([
  ['of another pair', event('stream.failed', { subject: 'id-other', code: 'connect_refused' })],
  [
    'of the same portal with another',
    event('tunnel.failed', { subject: c, code: 'tunnel_failed', detail: { peer: c } }),
  ],
  ['of presence, which is known better', event('circuit.deny', { code: 'peer_offline', detail: { peer: b } })],
  ['of an application that gave up', event('stream.failed', { code: 'stream_reset' })],
  ['that says no peer', event('tunnel.failed', { code: 'tunnel_failed' })],
])('leaves out what is %s', (_what, other) => {
  expect(readTrail([other], pair)).toEqual({ failures: [], success: null });
});

test('what was before the last change of the pair does not count, and the newest comes first', () => {
  const old = event('stream.failed', { code: 'dns_failed' });
  const change = event('pair.edit', { subject: 'web', actor: 'token:admin' });
  const first = event('stream.failed', { code: 'connect_timeout', detail: { message: 'no answer' } });
  const opened = event('stream.open', { subject: 'web' });
  const last = event('stream.failed', { code: 'connect_refused', actor: b });
  // The same event may have come with two queries.
  const { failures, success } = readTrail([first, old, last, change, opened, last], pair);
  expect(failures.map(({ code }) => code)).toEqual(['connect_refused', 'connect_timeout']);
  expect(failures[1]?.message).toBe('no answer');
  expect(success).toEqual(opened.at);
});

test('another thing of the same name is no change of the pair', () => {
  const failed = event('stream.failed', { code: 'dns_failed' });
  expect(readTrail([failed, event('portal.token', { subject: 'web' })], pair).failures).toHaveLength(1);
});
