import { expect, test } from 'vitest';
import { perMinute, RateLimit } from './rate-limit.js';

test('allows a burst, then as much as time gives back', () => {
  const limit = new RateLimit({ burst: 2, perSecond: 1, now: 0 });
  expect([limit.take(0), limit.take(0), limit.take(0)]).toEqual([true, true, false]);
  expect([limit.take(999), limit.take(1000), limit.take(1000)]).toEqual([false, true, false]);
});

test('never saves up more than the burst, and is not confused by a clock that goes back', () => {
  const limit = perMinute(60, 0);
  for (let i = 0; i < 60; i += 1) expect(limit.take(3_600_000)).toBe(true);
  expect(limit.take(3_600_000)).toBe(false);
  expect(limit.take(0)).toBe(false);
});
