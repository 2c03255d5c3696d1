import { limits, type TransportPreference } from '@netport/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { circuitsToTry, learn, type QuicEvent, type QuicRecord, reasonFor, retryIn } from './transport-choice.js';

const minute = 60_000;
/** Events with the time that passes before each. */
const after = (...events: [pause: number, event: QuicEvent][]): { record: QuicRecord | undefined; now: number } => {
  let now = 0;
  let record: QuicRecord | undefined;
  for (const [pause, event] of events) {
    now += pause;
    record = learn(record, event, now);
  }
  return { record, now };
};

it.each<[title: string, events: [number, QuicEvent][], pause: number]>([
  ['one that was blocked', [[0, 'blocked']], 1],
  [
    'the second in a row',
    [
      [0, 'blocked'],
      [minute, 'blocked'],
    ],
    2,
  ],
  ['the fifth in a row', Array.from({ length: 5 }, () => [0, 'blocked']), 15],
  [
    'one that was lost',
    [
      [0, 'up'],
      [minute, 'lost'],
    ],
    1,
  ],
  [
    'one that is lost again and again',
    [
      [0, 'up'],
      [minute, 'lost'],
      [minute, 'up'],
      [minute, 'lost'],
    ],
    2,
  ],
  [
    'one that was lost after it had lasted',
    [
      [0, 'blocked'],
      [0, 'up'],
      [15 * minute, 'lost'],
    ],
    1,
  ],
])('%s is tried again after its pause', (_title, events, minutes) => {
  const { record, now } = after(...events);
  expect(retryIn(record, now)).toBe(minutes * minute);
  expect(retryIn(record, now + minutes * minute)).toBe(0);
});

describe('where QUIC is', () => {
  it.each<[preference: 'auto' | 'tcp' | 'quic', events: [number, QuicEvent][], circuits: string[]]>([
    ['auto', [], ['udp', 'tcp']],
    ['auto', [[0, 'up']], ['udp', 'tcp']],
    ['auto', [[0, 'blocked']], ['tcp']],
    [
      'auto',
      [
        [0, 'up'],
        [0, 'lost'],
      ],
      ['tcp'],
    ],
    [
      'auto',
      [
        [0, 'blocked'],
        [0, 'up'],
      ],
      ['udp', 'tcp'],
    ],
    ['tcp', [[0, 'up']], ['tcp']],
    ['quic', [[0, 'blocked']], ['udp']],
  ])('--transport %s after %j asks for %j', (preference, events, circuits) => {
    expect(circuitsToTry({ operator: preference, pair: 'auto' }, after(...events).record)).toEqual(circuits);
  });

  it.each<[operator: TransportPreference, pair: TransportPreference, circuits: string[]]>([
    ['auto', 'tcp', ['tcp']],
    ['auto', 'quic', ['udp', 'tcp']],
    ['tcp', 'quic', ['tcp']],
    ['quic', 'tcp', ['udp']],
  ])('--transport %s binds a pair that prefers %s: %j', (operator, pair, circuits) => {
    expect(circuitsToTry({ operator, pair })).toEqual(circuits);
  });

  it.each<[transport: 'tcp' | 'quic', events: [number, QuicEvent][], reason: string]>([
    ['quic', [[0, 'up']], 'QUIC gets through'],
    [
      'quic',
      [
        [0, 'blocked'],
        [0, 'up'],
      ],
      'QUIC gets through again',
    ],
    ['tcp', [], 'TCP came up first'],
    ['tcp', [[0, 'blocked']], 'QUIC did not get through on this network (tried again in 60 s)'],
    [
      'tcp',
      [
        [0, 'up'],
        [0, 'lost'],
      ],
      'the last QUIC tunnel fell silent (tried again in 60 s)',
    ],
  ])('%s after %j has its reason', (transport, events, reason) => {
    const { record, now } = after(...events);
    expect(reasonFor({ operator: 'auto', pair: 'auto' }, transport, record, now)).toBe(reason);
    const bound = { operator: transport, pair: 'auto' } as const;
    expect(reasonFor(bound, transport, record, now)).toBe(`--transport ${transport}`);
  });
});

it('whatever happens, QUIC is tried again within the longest pause, and never waited for after a failure', () => {
  const event = fc.tuple(fc.nat(20 * minute), fc.constantFrom<QuicEvent>('up', 'blocked', 'lost'));
  fc.assert(
    fc.property(fc.array(event, { minLength: 1, maxLength: 40 }), (events) => {
      const { record, now } = after(...events);
      const failed = events.at(-1)?.[1] !== 'up';
      expect(circuitsToTry({ operator: 'auto', pair: 'quic' }, record)[0]).toBe(failed ? 'tcp' : 'udp');
      const pause = retryIn(record, now);
      expect(pause).toBeLessThanOrEqual(limits.quicRetryMax);
      if (failed) expect(pause).toBeGreaterThanOrEqual(limits.quicRetry);
    }),
  );
});
