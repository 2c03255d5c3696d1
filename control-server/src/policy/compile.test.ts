import type { Name, TrustDomain } from '@netport/protocol';
import { expect, test } from 'vitest';
import { pairRecord as pair } from '../../test/pair-record.js';
import type { PairRecord } from '../store/store.js';
import { compilePolicy } from './compile.js';
import { nextChange, permits } from './permits.js';

const now = new Date('2030-01-01T00:00:00Z');
const later = new Date('2030-01-01T01:00:00Z');
const portals = ['a', 'b', 'c'] as Name[];
const trustDomain = 'example.org' as TrustDomain;

test('a pair becomes a listener at one portal and a target at the other, and nothing elsewhere', () => {
  const policies = compilePolicy({ trustDomain, portals, pairs: [pair('web', { expiresAt: later })] }, now);
  const common = { pair: 'id-web', name: 'web', protocol: 'tcp', expiresAt: later.toISOString() };
  expect(policies.get('a' as Name)).toEqual({
    listeners: [{ ...common, peer: 'spiffe://example.org/portal/b', address: '127.0.0.1', port: 8080 }],
    targets: [],
  });
  expect(policies.get('b' as Name)).toEqual({
    listeners: [],
    targets: [{ ...common, peer: 'spiffe://example.org/portal/a', address: '10.0.0.5', port: 80 }],
  });
  expect(policies.get('c' as Name)).toEqual({ listeners: [], targets: [] });
});

test('only the portal that listens is told of a preferred transport, and only of one', () => {
  const rules = (transport: PairRecord['transport']) =>
    compilePolicy({ trustDomain, portals, pairs: [pair('web', { transport })] }, now);
  expect(rules('tcp').get('a' as Name)?.listeners).toMatchObject([{ transport: 'tcp' }]);
  expect(rules('tcp').get('b' as Name)?.targets[0]).not.toHaveProperty('transport');
  expect(rules('auto').get('a' as Name)?.listeners[0]).not.toHaveProperty('transport');
});

test.each([
  ['disabled', pair('x', { enabled: false })],
  ['expired', pair('x', { expiresAt: now })],
  ['to a portal that does not exist', pair('x', { to: { portal: 'gone' as Name, address: '::1', port: 1 } })],
  ['from a portal that does not exist', pair('x', { from: { portal: 'gone' as Name, address: '::1', port: 1 } })],
])('leaves out a pair that is %s', (_what, left) => {
  for (const rules of compilePolicy({ trustDomain, portals, pairs: [left] }, now).values()) {
    expect(rules).toEqual({ listeners: [], targets: [] });
  }
});

test('the order of pairs does not matter', () => {
  const pairs = ['n', 'a', 'z'].map((name) => pair(name));
  const compiled = (input: PairRecord[]) =>
    JSON.stringify([...compilePolicy({ trustDomain, portals, pairs: input }, now)]);
  expect(compiled(pairs)).toBe(compiled([...pairs].reverse()));
});

test('permits in the direction of a pair in force, and in no other case', () => {
  const [a, b, c] = portals as [Name, Name, Name];
  expect(permits([pair('web')], a, b, now)).toBe(true);
  expect(permits([pair('web')], b, a, now)).toBe(false);
  expect(permits([pair('web')], a, c, now)).toBe(false);
  expect(permits([pair('web', { enabled: false })], a, b, now)).toBe(false);
  expect(permits([pair('web', { expiresAt: later })], a, b, now)).toBe(true);
  expect(permits([pair('web', { expiresAt: later })], a, b, later)).toBe(false);
});

test('the next change is the earliest of the pairs that are granted', () => {
  const latest = new Date('2031-01-01T00:00:00Z');
  expect(nextChange([pair('x')], now)).toBeUndefined();
  expect(nextChange([pair('x', { expiresAt: now })], now)).toBeUndefined();
  const pairs = [pair('x', { expiresAt: latest }), pair('y', { expiresAt: later })];
  expect(nextChange(pairs, now)).toEqual(later);
  expect(nextChange(pairs, later)).toEqual(latest);
});
