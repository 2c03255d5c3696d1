import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fromHex, toHex } from './bytes.js';
import { CapsuleDecoder, encodeDatagramCapsule } from './capsule.js';
import { NetportError } from './errors.js';
import { limits } from './limits.js';
import { encodeVarint } from './varint.js';

const concat = (...parts: Uint8Array[]): Uint8Array => Uint8Array.from(parts.flatMap((part) => [...part]));
const capsule = (type: number, value: Uint8Array): Uint8Array =>
  concat(encodeVarint(type), encodeVarint(value.length), value);

/** What comes out when the bytes come in pieces of these sizes, over and over. */
function decode(bytes: Uint8Array, sizes: readonly number[] = [bytes.length]): Uint8Array[] {
  const payloads: Uint8Array[] = [];
  const decoder = new CapsuleDecoder((payload) => payloads.push(payload.slice()));
  for (let at = 0, i = 0; at < bytes.length; i += 1) {
    const size = sizes[i % sizes.length] ?? 1;
    decoder.push(bytes.subarray(at, at + size));
    at += size;
  }
  return payloads;
}

it.each([
  ['', '000100'],
  ['61', '00020061'],
  ['00'.repeat(63), `00404000${'00'.repeat(63)}`],
])('writes the payload "%s" as DATAGRAM capsule, context 0', (payload, hex) => {
  expect(toHex(encodeDatagramCapsule(fromHex(payload)))).toBe(hex);
});

it('takes the largest datagram of UDP', () => {
  const payload = new Uint8Array(limits.datagramBytes).fill(7);
  expect(decode(encodeDatagramCapsule(payload), [1460])).toEqual([payload]);
});

const part = fc.oneof(
  fc.uint8Array({ maxLength: 300 }).map((payload) => ({ bytes: encodeDatagramCapsule(payload), payload })),
  fc
    .tuple(fc.integer({ min: 1, max: 2 ** 40 }), fc.uint8Array({ maxLength: 300 }))
    .map(([type, value]) => ({ bytes: capsule(type, value), payload: undefined })),
  fc
    .tuple(fc.integer({ min: 1, max: 2 ** 40 }), fc.uint8Array({ maxLength: 100 }))
    .map(([context, value]) => ({ bytes: capsule(0, concat(encodeVarint(context), value)), payload: undefined })),
);

it('finds every datagram however the stream is cut, and skips every other capsule and context', () => {
  fc.assert(
    fc.property(
      fc.array(part, { maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }),
      (parts, sizes) => {
        const wanted = parts.flatMap(({ payload }) => (payload ? [payload] : []));
        expect(decode(concat(...parts.map(({ bytes }) => bytes)), sizes)).toEqual(wanted);
      },
    ),
  );
});

it('answers any bytes with datagrams within the limit or with protocol_error', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 500 }),
      fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
      (bytes, sizes) => {
        try {
          for (const { length } of decode(bytes, sizes)) expect(length).toBeLessThanOrEqual(limits.datagramBytes);
        } catch (error) {
          expect(error).toBeInstanceOf(NetportError);
          expect(error).toMatchObject({ code: 'protocol_error' });
        }
      },
    ),
  );
});

it.each([
  ['that announces more than UDP carries', concat(encodeVarint(0), encodeVarint(100_000))],
  ['one byte too large', encodeDatagramCapsule(new Uint8Array(limits.datagramBytes + 1))],
  ['without a context', fromHex('0000')],
  ['whose context is cut off', fromHex('000140')],
])('gives up at a datagram %s', (_case, bytes) => {
  expect(() => decode(bytes)).toThrow(NetportError);
  expect(() => decode(bytes, [1])).toThrow(NetportError);
});

it('skips a capsule of any length without keeping it', () => {
  const chunk = new Uint8Array(1_000_000);
  const payloads: Uint8Array[] = [];
  const decoder = new CapsuleDecoder((payload) => payloads.push(payload));
  decoder.push(concat(encodeVarint(0x17), encodeVarint(50 * chunk.length)));
  for (let i = 0; i < 50; i += 1) decoder.push(chunk);
  decoder.push(encodeDatagramCapsule(fromHex('61')));
  expect(payloads).toEqual([fromHex('61')]);
});
