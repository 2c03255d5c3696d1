import { randomUUID } from 'node:crypto';
import { type Name, type PolicyDocument, type PolicyRule, pairIdSchema } from '@netport/protocol';
import { describe, expect, it } from 'vitest';
import { gate, nextExpiry, peersOf, type Question, sameRule } from './gate.js';
import { spiffeId, trustDomain } from './testing/identities.js';

const now = Date.parse('2030-01-01T00:00:00Z');
const pair = pairIdSchema.parse(randomUUID());
const rule: PolicyRule = {
  pair,
  name: 'web' as Name,
  protocol: 'tcp',
  peer: spiffeId('b'),
  address: '127.0.0.1',
  port: 80,
};
const policy = (listeners: PolicyRule[], targets: PolicyRule[]): PolicyDocument => ({
  version: 3,
  trustDomain,
  portal: 'a' as Name,
  issuedAt: '2029-12-31T00:00:00Z',
  listeners,
  targets,
});
const outgoing: Question = { direction: 'outgoing', pair, peer: spiffeId('b'), protocol: 'tcp' };
const incoming: Question = { ...outgoing, direction: 'incoming' };
const other = pairIdSchema.parse(randomUUID());
const expired = { ...rule, expiresAt: '2030-01-01T00:00:00Z' };
const lasting = { ...rule, expiresAt: '2030-01-01T00:00:01Z' };

describe('gate', () => {
  it.each<[string, PolicyDocument | undefined, Question, string]>([
    ['no document', undefined, outgoing, 'policy_denied'],
    ['an empty document', policy([], []), outgoing, 'policy_denied'],
    ['another pair', policy([rule], []), { ...outgoing, pair: other }, 'policy_denied'],
    ['a listener is no target', policy([rule], []), incoming, 'policy_denied'],
    ['a target is no listener', policy([], [rule]), outgoing, 'policy_denied'],
    ['another peer asks', policy([], [rule]), { ...incoming, peer: spiffeId('c') }, 'policy_denied'],
    [
      'another kind of the same name asks',
      policy([], [rule]),
      { ...incoming, peer: spiffeId('b', 'relay') },
      'policy_denied',
    ],
    ['another protocol', policy([], [rule]), { ...incoming, protocol: 'udp' }, 'policy_denied'],
    ['expired this very moment', policy([], [expired]), incoming, 'pair_expired'],
    ['expired, but by another peer', policy([], [expired]), { ...incoming, peer: spiffeId('c') }, 'policy_denied'],
  ])('denies: %s', (_case, document, question, code) => {
    expect(gate(document, question, now)).toMatchObject({ allow: false, code });
  });

  it.each<[string, PolicyDocument, Question]>([
    ['a listener with its peer', policy([rule], []), outgoing],
    ['a target with its peer', policy([], [rule]), incoming],
    ['not expired yet', policy([], [lasting]), incoming],
  ])('allows: %s', (_case, document, question) => {
    expect(gate(document, question, now)).toMatchObject({ allow: true, rule: { pair } });
  });

  it('knows the peers, the next expiry and what changed', () => {
    const document = policy([expired], [{ ...lasting, peer: spiffeId('c') }]);
    expect([...peersOf(document, now)]).toEqual([spiffeId('c')]);
    expect(nextExpiry(document, now)).toBe(now + 1000);
    expect(nextExpiry(policy([rule], []), now)).toBeUndefined();
    expect(sameRule(rule, lasting)).toBe(true);
    expect(sameRule(rule, { ...rule, port: 81 })).toBe(false);
  });
});
