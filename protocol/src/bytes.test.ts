import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fromBase64Url, fromHex, toBase64Url, toHex } from './bytes.js';

describe.each([
  { name: 'hexadecimal', encode: toHex, decode: fromHex, node: 'hex' as const },
  { name: 'base64url', encode: toBase64Url, decode: fromBase64Url, node: 'base64url' as const },
])('$name', ({ encode, decode, node }) => {
  it('round-trips, and says the same as Node', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        const text = encode(bytes);
        expect(text).toBe(Buffer.from(bytes).toString(node));
        expect(decode(text)).toEqual(bytes);
      }),
    );
  });

  it('reads any text as bytes or throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...'AQgwaf09-_=+/ ') })), (text) => {
        let bytes: Uint8Array;
        try {
          bytes = decode(text);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
          return;
        }
        expect(encode(bytes).toLowerCase()).toBe(text.toLowerCase());
      }),
    );
  });
});

it.each(['a', 'abc', '0g', ' 00', '00\n', '0x00'])('%j is not hexadecimal', (text) => {
  expect(() => fromHex(text)).toThrow();
});

it.each(['A', 'AB', 'AAA=', 'A+', 'A/', 'AA AA', 'AAA\n', 'é'])('%j is not canonical base64url', (text) => {
  expect(() => fromBase64Url(text)).toThrow();
});
