import { describe, expect, it } from 'vitest';
import { formatBytes, formatRate, formatRelative, formatRoundTrip, formatSpan, shorten } from './format.js';

it.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.0 kB'],
  [99_949, '99.9 kB'],
  [268_435_456, '268 MB'],
  [3e15, '3.0 PB'],
])('%d bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

it('a rate is in bits', () => expect(formatRate(125_000)).toBe('1.0 Mbit/s'));

it('a round trip nobody measured is none', () => {
  expect(formatRoundTrip(null)).toBe('–');
  expect(formatRoundTrip(0.42)).toBe('0.4 ms');
  expect(formatRoundTrip(84.6)).toBe('85 ms');
});

describe('times', () => {
  const now = Date.parse('2030-01-31T12:00:00Z');
  it.each([
    ['2030-01-31T11:59:58Z', 'now'],
    ['2030-01-31T11:59:15Z', '45 s ago'],
    ['2030-01-31T11:58:01Z', '1 min ago'],
    ['2030-01-31T14:00:00Z', 'in 2 h'],
    ['2030-01-22T12:00:00Z', '9 d ago'],
  ])('%s is %s', (at, text) => expect(formatRelative(at, now)).toBe(text));

  it('a span never goes below zero', () => expect(formatSpan(-5)).toBe('0 s'));
});

it('shortens in the middle, where names differ least', () => {
  expect(shorten('field-gw', 8)).toBe('field-gw');
  expect(shorten('berlin-warehouse-gateway-17', 11)).toBe('berli…ay-17');
});
