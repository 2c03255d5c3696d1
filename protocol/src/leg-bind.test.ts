import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NetportError } from './errors.js';
import { legTokenBytes } from './leg.js';
import {
  type BindBody,
  bindBodyBytes,
  bindBytes,
  bindMacBytes,
  decodeBind,
  encodeBindBody,
  isBind,
  withMac,
} from './leg-bind.js';
import type { CircuitId } from './names.js';

const body: fc.Arbitrary<BindBody> = fc.record({
  kind: fc.constantFrom('bind', 'waiting', 'joined'),
  circuitId: fc.uuid().map((id) => id as CircuitId),
  counter: fc.bigInt(0n, 2n ** 64n - 1n),
});
const example: BindBody = {
  kind: 'bind',
  circuitId: '00112233-4455-6677-8899-aabbccddeeff' as CircuitId,
  counter: 1n,
};
const token = Uint8Array.from({ length: legTokenBytes }, (_, i) => i);
const sign = (value: BindBody): Uint8Array => {
  const bytes = encodeBindBody(value);
  return withMac(bytes, createHmac('sha256', token).update(bytes).digest());
};
const flipped = (bytes: Uint8Array, at: number, mask: number) =>
  bytes.map((byte, i) => (i === at ? byte ^ mask : byte));
const protocolError = expect.objectContaining({ name: 'NetportError', code: 'protocol_error' });

describe('bind', () => {
  it.each([
    [
      'bind',
      1n,
      '0b4e50420100000000112233445566778899aabbccddeeff000000000000000105787f18f61a25fbf1d099e1edb338ccc57f50fb139d56b76ef1cb3a064f5103',
    ],
    [
      'waiting',
      1n,
      '0b4e50420101000000112233445566778899aabbccddeeff0000000000000001ebc0e88e31617503d08fe1925fad5eddeee6409ffaf4c2f9abe566b7c7208e26',
    ],
    [
      'joined',
      0x0102030405060708n,
      '0b4e50420102000000112233445566778899aabbccddeeff0102030405060708fcaac8d9a278cb1b9e919d455497c9553aac0aa2d09e8d21eb064f56e71ccc66',
    ],
  ] as const)('of kind %s has the bytes of docs/protocol.md', (kind, counter, hex) => {
    expect(Buffer.from(sign({ ...example, kind, counter })).toString('hex')).toBe(hex);
    const document = readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8');
    expect(document.replaceAll(/\s/g, '')).toContain(hex);
  });

  it('round-trips', () => {
    fc.assert(
      fc.property(body, fc.uint8Array({ minLength: bindMacBytes, maxLength: bindMacBytes }), (value, mac) => {
        const bytes = withMac(encodeBindBody(value), mac);
        expect(isBind(bytes)).toBe(true);
        expect(decodeBind(bytes)).toEqual({ ...value, body: bytes.subarray(0, bindBodyBytes), mac });
      }),
    );
  });

  it('is read wherever it stands in a larger buffer', () => {
    const bytes = sign(example);
    const pool = new Uint8Array(200);
    pool.set(bytes, 17);
    expect(decodeBind(pool.subarray(17, 17 + bindBytes))).toMatchObject(example);
  });

  it('is a bind at no other length, and refused there', () => {
    const bytes = sign(example);
    for (let length = 0; length < bindBytes * 2; length++) {
      if (length === bindBytes) continue;
      const cut = new Uint8Array(length);
      cut.set(bytes.subarray(0, length));
      expect(isBind(cut), `${length} bytes`).toBe(false);
      expect(() => decodeBind(cut), `${length} bytes`).toThrow(protocolError);
    }
  });

  it('is refused with any bit of magic, version or reserved flipped, and is the relay’s only with magic and version', () => {
    const bytes = sign(example);
    for (const at of [0, 1, 2, 3, 4, 6, 7]) {
      for (let mask = 1; mask < 256; mask++) {
        const other = flipped(bytes, at, mask);
        expect(isBind(other), `byte ${at} ^ ${mask}`).toBe(at > 4);
        expect(() => decodeBind(other), `byte ${at} ^ ${mask}`).toThrow(protocolError);
      }
    }
    for (let kind = 3; kind < 256; kind++) expect(() => decodeBind(flipped(bytes, 5, kind))).toThrow(protocolError);
  });

  it('is not put together from parts of other sizes', () => {
    const sizes = [0, 31, 33, 64];
    for (const size of sizes) {
      expect(() => withMac(new Uint8Array(size), new Uint8Array(bindMacBytes))).toThrow(NetportError);
      expect(() => withMac(new Uint8Array(bindBodyBytes), new Uint8Array(size))).toThrow(NetportError);
    }
  });

  it('meets arbitrary bytes with protocol_error', () => {
    const bytes = fc.oneof(fc.uint8Array(), fc.uint8Array({ minLength: bindBytes, maxLength: bindBytes }));
    fc.assert(
      fc.property(bytes, (value) => {
        expect(() => decodeBind(value)).toThrow(protocolError);
      }),
    );
  });
});
