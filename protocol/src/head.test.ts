import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { errorCodes, errorTable, NetportError } from './errors.js';
import {
  acceptFields,
  decodeAnswer,
  decodeStreamHead,
  encodeRejection,
  encodeStreamHead,
  type HeaderFields,
  type StreamHead,
} from './head.js';
import { limits } from './limits.js';
import type { PairId, StreamId } from './names.js';

const head: fc.Arbitrary<StreamHead> = fc.record(
  {
    pair: fc.uuid().map((id) => id as PairId),
    protocol: fc.constantFrom('tcp' as const, 'udp' as const),
    source: fc.stringMatching(/^[\x21-\x7e]{1,256}$/),
    stream: fc.uuid().map((id) => id as StreamId),
  },
  { requiredKeys: ['pair', 'protocol', 'source'] },
);
const example: StreamHead = {
  pair: '00112233-4455-6677-8899-aabbccddeeff' as PairId,
  protocol: 'tcp',
  source: '127.0.0.1:50312',
};
const fieldValue = fc.oneof(fc.string(), fc.integer(), fc.array(fc.string()), fc.constant(undefined));
const fieldNames = [':method', ':authority', ':status', 'netport-protocol', 'netport-source', 'netport-code', 'other'];
const arbitraryFields: fc.Arbitrary<HeaderFields> = fc.dictionary(
  fc.oneof(fc.constantFrom(...fieldNames), fc.string()),
  fieldValue,
);
const protocolError = expect.objectContaining({ name: 'NetportError', code: 'protocol_error' });

describe('stream head', () => {
  it('round-trips, and ignores fields that it does not know', () => {
    fc.assert(
      fc.property(head, (value) => {
        expect(decodeStreamHead(encodeStreamHead(value))).toEqual(value);
        expect(decodeStreamHead({ ...encodeStreamHead(value), 'netport-newer': '1' })).toEqual(value);
      }),
    );
  });

  it.each([
    [':method', ['GET', 'connect', undefined]],
    [
      ':authority',
      ['example.com:80', `${example.pair}:1`, `${example.pair.toUpperCase()}:0`, '', undefined, 'x'.repeat(65)],
    ],
    [':protocol', ['websocket', 'connect-udp', '']],
    ['netport-protocol', ['sctp', 'TCP', '', undefined]],
    ['netport-source', ['', 'a b', 'a\r\nb', 'é', 'x'.repeat(257), ['a', 'b'], undefined]],
    ['netport-stream', ['', '1', 'x'.repeat(36), [example.pair]]],
  ])('is refused with a wrong %s, and the error names it', (name, values) => {
    for (const value of values) {
      const fields = { ...encodeStreamHead(example), [name]: value } as HeaderFields;
      expect(() => decodeStreamHead(fields), JSON.stringify(value)).toThrow(protocolError);
      expect(() => decodeStreamHead(fields), JSON.stringify(value)).toThrow(name);
    }
  });

  it('says udp by an extended CONNECT only', () => {
    const fields = encodeStreamHead({ ...example, protocol: 'udp' });
    expect(fields).toMatchObject({ ':protocol': 'connect-udp', 'capsule-protocol': '?1' });
    const { ':protocol': _, ...plain } = fields;
    expect(() => decodeStreamHead(plain)).toThrow(':protocol');
  });

  it('meets arbitrary fields with protocol_error', () => {
    fc.assert(
      fc.property(arbitraryFields, (fields) => {
        expect(() => decodeStreamHead(fields)).toThrow(protocolError);
      }),
    );
    // One field replaced by anything: either still a head, or refused; never another exception.
    fc.assert(
      fc.property(fc.constantFrom(...fieldNames), fieldValue, (name, value) => {
        try {
          decodeStreamHead({ ...encodeStreamHead(example), [name]: value });
        } catch (error) {
          expect(error).toEqual(protocolError);
        }
      }),
    );
  });
});

describe('answer', () => {
  it('accepts with 200 only', () => {
    expect(decodeAnswer(acceptFields(example))).toBeUndefined();
    expect(decodeAnswer(acceptFields({ ...example, protocol: 'udp' }))).toBeUndefined();
    for (const status of [201, 204, 302, 404, undefined]) {
      expect(decodeAnswer({ ':status': status })).toMatchObject({ code: 'tunnel_failed' });
    }
  });

  it('round-trips every code with its status', () => {
    for (const code of errorCodes) {
      const fields = encodeRejection(code, 'why not');
      expect(fields[':status']).toBe(errorTable[code].status);
      expect(decodeAnswer(fields)).toMatchObject({ code, message: 'why not' });
    }
  });

  it('makes any message fit into a header field', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 4000, unit: 'binary' }), (message) => {
        const text = encodeRejection('internal', message)['netport-message'];
        expect(text).toMatch(/^[\x20-\x7e]*$/);
        expect(String(text).length).toBeLessThanOrEqual(limits.streamHeadBytes / 4);
      }),
    );
  });

  it('reads arbitrary fields as accepted or as an error of the list', () => {
    fc.assert(
      fc.property(arbitraryFields, (fields) => {
        const answer = decodeAnswer(fields);
        if (fields[':status'] === 200) expect(answer).toBeUndefined();
        else expect(answer).toBeInstanceOf(NetportError);
      }),
    );
    expect(decodeAnswer({ ':status': 400, 'netport-code': 'toString' })).toMatchObject({ code: 'tunnel_failed' });
    expect(decodeAnswer({ ':status': 400, 'netport-code': 'from_the_future' })).toMatchObject({
      code: 'tunnel_failed',
    });
  });
});
