import { once } from 'node:events';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { contextOf, securePair } from '../testing/tunnels.js';
import { openH2Tunnel } from './h2.js';

const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');

/** RFC 9113 §4.1 */
const frame = (type: number, flags: number, stream: number, payload: Uint8Array): Buffer => {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header.writeUInt8(type, 3);
  header.writeUInt8(flags, 4);
  header.writeUInt32BE(stream, 5);
  return Buffer.concat([header, payload]);
};

const settings = frame(4, 0, 0, new Uint8Array());

const piece = fc.oneof(
  fc
    .tuple(fc.nat(11), fc.nat(255), fc.constantFrom(0, 1, 2, 3, 5, 0x7fffffff), fc.uint8Array({ maxLength: 64 }))
    .map((parts) => frame(...parts)),
  fc.uint8Array({ maxLength: 200 }),
);

it('a peer whose frames are none, or are wrong, loses its tunnel and nothing else', async () => {
  await fc.assert(
    fc.asyncProperty(fc.boolean(), fc.array(piece, { maxLength: 20 }), async (polite, pieces) => {
      const { near, far } = await securePair();
      const opening = openH2Tunnel({
        socket: far,
        context: contextOf('server'),
        onStream: (stream) => stream.reject('policy_denied', 'not here'),
        onFlow: (flow) => flow.reject('policy_denied', 'not here'),
      }).catch((refused) => refused);
      near.on('error', () => {}).resume();
      near.end(Buffer.concat([...(polite ? [preface, settings] : []), ...pieces]));
      const outcome = await opening;
      const reason = outcome instanceof Error ? outcome : await outcome.closed;
      expect(reason).toMatchObject({ code: expect.stringMatching(/^(tunnel_\w+|protocol_error)$/) });
      if (!near.closed) await once(near, 'close');
    }),
    { numRuns: 30 },
  );
});
