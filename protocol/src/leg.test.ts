import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NetportError } from './errors.js';
import {
  circuitIdBytes,
  decodePreamble,
  decodeReadyMark,
  encodePreamble,
  encodeReadyMark,
  formatCircuitId,
  legTokenBytes,
  type Preamble,
  preambleBytes,
  readyMarkBytes,
} from './leg.js';
import type { CircuitId } from './names.js';

const circuitId = fc.uuid().map((id) => id as CircuitId);
const token = fc.uint8Array({ minLength: legTokenBytes, maxLength: legTokenBytes });
const preamble: fc.Arbitrary<Preamble> = fc.record({ circuitId, token });
const example: Preamble = {
  circuitId: '00112233-4455-6677-8899-aabbccddeeff' as CircuitId,
  token: Uint8Array.from({ length: legTokenBytes }, (_, i) => i),
};
const flipped = (bytes: Uint8Array, at: number, mask: number) =>
  bytes.map((byte, i) => (i === at ? byte ^ mask : byte));
const protocolError = expect.objectContaining({ name: 'NetportError', code: 'protocol_error' });

describe('preamble', () => {
  it('has the bytes that the drawing shows', () => {
    expect(Buffer.from(encodePreamble(example)).toString('hex')).toBe(
      `4e50525401000000${'00112233445566778899aabbccddeeff'}${Buffer.from(example.token).toString('hex')}`,
    );
  });

  it('round-trips', () => {
    fc.assert(
      fc.property(preamble, (value) => {
        expect(decodePreamble(encodePreamble(value))).toEqual(value);
      }),
    );
  });

  it('is refused at every other length', () => {
    const bytes = encodePreamble(example);
    for (let length = 0; length < preambleBytes * 2; length++) {
      if (length === preambleBytes) continue;
      const cut = new Uint8Array(length);
      cut.set(bytes.subarray(0, length));
      expect(() => decodePreamble(cut), `${length} bytes`).toThrow(protocolError);
    }
  });

  it('is refused with any bit of magic, version or reserved flipped', () => {
    const bytes = encodePreamble(example);
    for (let at = 0; at < 8; at++) {
      for (let mask = 1; mask < 256; mask++) {
        expect(() => decodePreamble(flipped(bytes, at, mask)), `byte ${at} ^ ${mask}`).toThrow(protocolError);
      }
    }
  });

  it('names the version that it does not speak', () => {
    expect(() => decodePreamble(flipped(encodePreamble(example), 4, 3))).toThrow('version 2, this side speaks 1');
  });

  it('keeps its token when the buffer it came from is used again', () => {
    const received = Buffer.from(encodePreamble(example));
    const { token } = decodePreamble(received);
    received.fill(0xff);
    expect(token).toEqual(example.token);
  });

  it('is not made with a token of another length', () => {
    for (const length of [0, legTokenBytes - 1, legTokenBytes + 1]) {
      expect(() => encodePreamble({ ...example, token: new Uint8Array(length) })).toThrow(NetportError);
    }
  });
});

describe('ready mark', () => {
  it('has the bytes that the drawing shows, and round-trips', () => {
    expect(Buffer.from(encodeReadyMark()).toString('hex')).toBe('4e504f4b01000000');
    expect(() => decodeReadyMark(encodeReadyMark())).not.toThrow();
  });

  it('is refused at every other length and with any bit flipped', () => {
    for (let length = 0; length < readyMarkBytes * 2; length++) {
      if (length === readyMarkBytes) continue;
      const cut = new Uint8Array(length);
      cut.set(encodeReadyMark().subarray(0, length));
      expect(() => decodeReadyMark(cut), `${length} bytes`).toThrow(protocolError);
    }
    for (let at = 0; at < readyMarkBytes; at++) {
      for (let mask = 1; mask < 256; mask++) {
        expect(() => decodeReadyMark(flipped(encodeReadyMark(), at, mask)), `byte ${at}`).toThrow(protocolError);
      }
    }
  });

  it('is no preamble, and a preamble is no ready mark', () => {
    expect(() => decodeReadyMark(encodePreamble(example).subarray(0, readyMarkBytes))).toThrow(protocolError);
  });
});

describe.each([
  { name: 'decodePreamble', decode: decodePreamble, size: preambleBytes },
  { name: 'decodeReadyMark', decode: decodeReadyMark, size: readyMarkBytes },
])('$name', ({ decode, size }) => {
  it('meets arbitrary bytes with protocol_error', () => {
    const bytes = fc.oneof(fc.uint8Array(), fc.uint8Array({ minLength: size, maxLength: size }));
    fc.assert(
      fc.property(bytes, (value) => {
        expect(() => decode(value)).toThrow(protocolError);
      }),
    );
  });
});

it('a circuit id is the same in text and in bytes', () => {
  fc.assert(
    fc.property(circuitId, (id) => {
      expect(formatCircuitId(circuitIdBytes(id))).toBe(id);
    }),
  );
});
