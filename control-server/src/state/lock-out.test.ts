import { limits } from '@netport/protocol';
import { expect, test } from 'vitest';
import { LockOut } from './lock-out.js';

const base = limits.lockOutBase;

test('the first few cost nothing, then each wrong try doubles the wait, up to a limit', () => {
  const lock = new LockOut(3);
  let now = 0;
  const waits: number[] = [];
  for (let i = 0; i < 14; i++) {
    expect(lock.take('ada', now)).toBe(0);
    const wait = lock.take('grace', now) && 0;
    expect(wait).toBe(0);
    // What is asked while one waits does not make it longer.
    const left = i < 2 ? 0 : lock.take('ada', now);
    waits.push(left);
    if (left > 0) expect(lock.take('ada', now + left - 1)).toBe(1);
    now += left;
    lock.right('grace');
  }
  expect(waits).toEqual([0, 0, ...Array.from({ length: 12 }, (_, i) => Math.min(limits.lockOutMax, base * 2 ** i))]);
});

test('many tries at once gain nothing', () => {
  const lock = new LockOut(3);
  expect(Array.from({ length: 100 }, () => lock.take('ada', 0)).filter((wait) => wait === 0)).toHaveLength(3);
});

test('the right password, or an hour without a try, and all is forgotten', () => {
  const lock = new LockOut(1);
  lock.take('ada', 0);
  expect(lock.take('ada', 0)).toBe(base);
  lock.right('ada');
  expect(lock.take('ada', 0)).toBe(0);
  lock.take('ada', base);
  expect(lock.take('ada', base)).toBe(2 * base);
  expect(lock.take('ada', 3 * base + limits.lockOutForget)).toBe(0);
  expect(lock.take('ada', 3 * base + limits.lockOutForget)).toBe(base);
});

test('who is right is forgiven this try, not those before', () => {
  const lock = new LockOut(3);
  for (let i = 0; i < 10; i++) {
    expect(lock.take('office', 0)).toBe(0);
    lock.forgive('office', 0);
  }
  lock.take('office', 0);
  lock.take('office', 0);
  lock.take('office', 0);
  lock.forgive('office', base);
  lock.take('office', base);
  expect(lock.take('office', base)).toBe(base);
});

test('it remembers so many keys, and forgets who tried longest ago', () => {
  const lock = new LockOut(1);
  for (let i = 0; i <= limits.signInSources; i++) lock.take(`source ${i}`, 0);
  expect(lock.take(`source ${limits.signInSources}`, 0)).toBe(base);
  expect(lock.take('source 0', 0)).toBe(0);
});
