import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fromHex, toHex } from './bytes.js';
import { encodeVarint, readVarint, writeVarint } from './varint.js';

// RFC 9000 §A.1.
it.each([
  ['c2197c5eff14e88c', Number(151_288_809_941_952_652n)],
  ['9d7f3e7d', 494_878_333],
  ['7bbd', 15_293],
  ['25', 37],
  ['4025', 37],
])('reads %s as RFC 9000 does', (hex, value) => {
  expect(readVarint(fromHex(hex))).toEqual({ value, next: hex.length / 2 });
});

it.each([
  [0, '00'],
  [63, '3f'],
  [64, '4040'],
  [15_293, '7bbd'],
  [16_383, '7fff'],
  [16_384, '80004000'],
  [494_878_333, '9d7f3e7d'],
  [2 ** 30 - 1, 'bfffffff'],
  [2 ** 30, 'c000000040000000'],
  [Number.MAX_SAFE_INTEGER, 'c01fffffffffffff'],
])('writes %d in the shortest form', (value, hex) => {
  expect(toHex(encodeVarint(value))).toBe(hex);
});

it.each([-1, 0.5, 2 ** 53, Number.NaN])('has no form for %d', (value) => {
  expect(() => encodeVarint(value)).toThrow(RangeError);
});

it('reads back what it wrote, wherever it stands, and nothing when bytes are missing', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.nat(9), (value, at) => {
      const bytes = new Uint8Array(32);
      const next = writeVarint(bytes, at, value);
      expect(readVarint(bytes, at)).toEqual({ value, next });
      expect(readVarint(bytes.subarray(0, next - 1), at)).toBeUndefined();
    }),
  );
});
