import { expect, it } from 'vitest';
import { parseDuration } from './duration.js';

it.each([
  ['1500ms', 1500],
  ['30s', 30_000],
  ['10m', 600_000],
  ['2h', 7_200_000],
  ['7d', 604_800_000],
  [' 2h ', 7_200_000],
])('%j is %i ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
});

it.each(['', '2', 'h', '2 h', '-2h', '1.5h', '2H', '2w', '1e3s', '2h30m', '9999999999s'])('%j is refused', (text) => {
  expect(() => parseDuration(text)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
});
