import { expect, test } from 'vitest';
import { daysOf, minutesOf } from './schedule.js';

test.each([
  [['mon'], 'mon'],
  [['mon-fri'], 'mon tue wed thu fri'],
  [['fri-mon'], 'fri sat sun mon'],
  [['sat', 'sat-sun'], 'sat sun'],
  [['mon-mon'], 'mon'],
])('%j are the days %s', (days, all) => {
  expect([...daysOf(days)].join(' ')).toBe(all);
});

test('a time of day is minutes since midnight', () => {
  expect(['00:00', '08:30', '24:00'].map(minutesOf)).toEqual([0, 510, 1440]);
});
