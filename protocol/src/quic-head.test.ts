import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { errorCodes } from './errors.js';
import type { StreamHead } from './head.js';
import { limits } from './limits.js';
import { pairIdSchema, streamIdSchema } from './names.js';
import {
  decodeQuicAnswer,
  decodeQuicHead,
  encodeQuicAnswer,
  encodeQuicHead,
  QuicHeadReader,
  type StreamRead,
} from './quic-head.js';
import { encodeVarint } from './varint.js';

const head: fc.Arbitrary<StreamHead> = fc.record(
  {
    pair: fc.uuid().map((id) => pairIdSchema.parse(id)),
    protocol: fc.constantFrom('tcp' as const, 'udp' as const),
    source: fc.stringMatching(/^[\x21-\x7e]{1,100}$/),
    stream: fc.uuid().map((id) => streamIdSchema.parse(id)),
  },
  { requiredKeys: ['pair', 'protocol', 'source'] },
);

/** A stream that has these chunks, one for each other look, and then an end. */
function reads(chunks: Uint8Array[]): (into: Uint8Array) => StreamRead | undefined {
  const queue = chunks.map((chunk) => Uint8Array.from(chunk));
  let pause = false;
  return (into) => {
    pause = !pause;
    const chunk = queue[0];
    if (pause && chunk) return undefined;
    if (!chunk) return { count: 0, ended: true };
    const count = Math.min(into.length, chunk.length);
    into.set(chunk.subarray(0, count));
    if (count === chunk.length) queue.shift();
    else queue[0] = chunk.subarray(count);
    return { count, ended: false };
  };
}

function readAll(reader: QuicHeadReader, read: (into: Uint8Array) => StreamRead | undefined) {
  for (;;) {
    const whole = reader.read(read);
    if (whole) return whole;
  }
}

describe('head and answer over QUIC', () => {
  it('come out as they went in, however they are cut, and leave what follows', () => {
    fc.assert(
      fc.property(head, fc.array(fc.integer({ min: 1, max: 50 })), fc.uint8Array(), (sent, cuts, rest) => {
        const bytes = Buffer.concat([encodeQuicHead(sent), rest]);
        const chunks: Uint8Array[] = [];
        let at = 0;
        for (const cut of [...cuts, bytes.length]) {
          if (at < bytes.length) chunks.push(bytes.subarray(at, at + cut));
          at += cut;
        }
        const read = reads(chunks);
        const json = readAll(new QuicHeadReader(), read);
        expect(decodeQuicHead(json)).toEqual(sent);
        const left: number[] = [];
        while (left.length < rest.length) {
          const into = new Uint8Array(7);
          left.push(...into.subarray(0, read(into)?.count ?? 0));
        }
        expect(Buffer.from(left)).toEqual(Buffer.from(rest));
      }),
    );
  });

  it('answers with nothing, or with a code and a message', () => {
    const decode = (answer: Uint8Array) => decodeQuicAnswer(readAll(new QuicHeadReader(), reads([answer])));
    expect(decode(encodeQuicAnswer())).toBeUndefined();
    for (const code of errorCodes) {
      expect(decode(encodeQuicAnswer({ code, message: 'why\n'.repeat(2000) }))).toMatchObject({ code });
    }
    expect(decodeQuicAnswer(Buffer.from('{"code":"of_tomorrow"}'))).toMatchObject({ code: 'tunnel_failed' });
  });

  it.each([
    ['a length of zero', encodeVarint(0)],
    ['a length over the limit', encodeVarint(limits.streamHeadBytes + 1)],
    ['an end inside the length', Uint8Array.of(0xc0, 0)],
    ['an end inside the JSON', Uint8Array.of(10, 0x7b)],
  ])('refuses %s', (_what, bytes) => {
    expect(() => readAll(new QuicHeadReader(), reads([bytes]))).toThrow(
      expect.objectContaining({ code: 'protocol_error' }),
    );
  });

  it('refuses every JSON that is no head, with a code', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json().map(Buffer.from), fc.uint8Array()), (bytes) => {
        expect(() => decodeQuicHead(bytes)).toThrow(expect.objectContaining({ code: 'protocol_error' }));
      }),
    );
  });
});
