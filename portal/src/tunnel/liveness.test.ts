import { expect, it } from 'vitest';
import { Liveness } from './liveness.js';

const times = { pingInterval: 5000, silence: 12_000 };

it('pings at its interval, and hears any byte', () => {
  const liveness = new Liveness(times, 0);
  expect(liveness.tick(0, 10)).toBe('fine');
  expect(liveness.tick(4999, 10)).toBe('fine');
  expect(liveness.tick(5000, 10)).toBe('ping');
  expect(liveness.tick(6000, 11)).toBe('fine');
  expect(liveness.tick(17_999, 11)).toBe('ping');
  expect(liveness.tick(18_000, 11)).toBe('dead');
});

it('finds a peer that never said anything', () => {
  const liveness = new Liveness(times, 1000);
  expect(liveness.tick(1000, 0)).toBe('fine');
  expect(liveness.tick(13_000, 0)).toBe('dead');
});
