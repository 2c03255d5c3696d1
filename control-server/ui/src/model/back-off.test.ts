import { expect, it } from 'vitest';
import { backOff } from './back-off.js';

const limits = { backoffBase: 250, backoffMax: 30_000 };

it('grows, ends growing, and is never nothing', () => {
  expect([0, 1, 2, 3].map((attempt) => backOff(attempt, limits, 1))).toEqual([500, 750, 1250, 2250]);
  expect(backOff(5000, limits, 1)).toBe(30_250);
  expect(backOff(9, limits, 0)).toBe(250);
});
