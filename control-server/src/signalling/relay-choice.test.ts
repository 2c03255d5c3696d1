import type { Name } from '@netport/protocol';
import { expect, test } from 'vitest';
import { type RelayChoice, rankRelays, relayOptions } from './relay-choice.js';

const relay = (name: string, circuits = 0, capacity = 100) => ({ name: name as Name, circuits, capacity });
const rank = (choice: Partial<RelayChoice>) => rankRelays({ relays: [], avoid: [], roundTrips: [{}, {}], ...choice });

test.each<[string, Partial<RelayChoice>, string[]]>([
  ['none without relays', {}, []],
  ['none without room', { relays: [relay('a', 100), relay('b', 0, 0)] }, []],
  ['by name where all is equal', { relays: [relay('b'), relay('a')] }, ['a', 'b']],
  ['least loaded first', { relays: [relay('a', 50), relay('b', 20)] }, ['b', 'a']],
  ['load is relative to capacity', { relays: [relay('a', 5, 10), relay('b', 20, 100)] }, ['b', 'a']],
  [
    'lowest sum of round trips at equal load',
    {
      relays: [relay('a'), relay('b')],
      roundTrips: [
        { a: 10, b: 30 },
        { a: 90, b: 20 },
      ],
    },
    ['b', 'a'],
  ],
  [
    'load goes before round trips',
    {
      relays: [relay('a', 90), relay('b')],
      roundTrips: [
        { a: 1, b: 30 },
        { a: 1, b: 20 },
      ],
    },
    ['b', 'a'],
  ],
  [
    'a handful of circuits does not outweigh a round trip',
    {
      relays: [relay('a', 4), relay('b')],
      roundTrips: [
        { a: 1, b: 30 },
        { a: 1, b: 20 },
      ],
    },
    ['a', 'b'],
  ],
  [
    'a relay that one side did not measure comes last',
    { relays: [relay('a'), relay('b')], roundTrips: [{ a: 1, b: 300 }, { b: 200 }] },
    ['b', 'a'],
  ],
  [
    'an avoided relay only where nothing else is left',
    { relays: [relay('a'), relay('b', 90)], avoid: ['a' as Name] },
    ['b', 'a'],
  ],
])('%s', (_what, choice, expected) => {
  expect(rank(choice)).toEqual(expected);
});

test('each option says what put it before the next', () => {
  const options = relayOptions({
    relays: [relay('a'), relay('b'), relay('c', 1), relay('d', 50)],
    avoid: [],
    roundTrips: [
      { a: 1, b: 2, c: 2 },
      { a: 1, b: 2, c: 2 },
    ],
  });
  expect(options.map(({ name, roundTripMs, preferredFor }) => [name, roundTripMs, preferredFor])).toEqual([
    ['a', 2, 'shorter round trips'],
    ['b', 4, 'fewer circuits'],
    ['c', 4, 'a lower load'],
    ['d', null, null],
  ]);
});
