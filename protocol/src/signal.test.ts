import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { errorCodes, NetportError } from './errors.js';
import { limits } from './limits.js';
import {
  decodeMessage,
  errorMessage,
  messageId,
  portalCommandSchema,
  portalMessageSchema,
  relayCommandSchema,
  relayMessageSchema,
} from './signal.js';

// Arbitrary values of the fields that messages are made of
const requestId = fc.maxSafeNat();
const count = fc.maxSafeNat();
const port = fc.integer({ min: 1, max: 65535 });
const name = fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?$/);
const spiffeId = name.map((text) => `spiffe://netport.test/portal/${text}`);
const uuid = fc.uuid();
const code = fc.constantFrom(...errorCodes);
const text = fc.string({ maxLength: 200 });
const time = fc
  .date({ min: new Date('2000-01-01'), max: new Date('2100-01-01'), noInvalidDate: true })
  .map((date) => date.toISOString());
const legToken = fc.stringMatching(/^[A-Za-z0-9_-]{43}$/);
const base64 = fc.base64String();
const transport = fc.constantFrom('tcp', 'udp');
const session = fc.constantFrom('tcp', 'quic');
const role = fc.constantFrom('client', 'server');
const rtt = fc.double({ min: 0, max: 1e6, noNaN: true }).map(Math.abs);
const probe = fc.record({ relay: name, host: text, port });
const type = <T extends string>(value: T) => fc.constant(value);
const counters = fc.record({
  circuitId: uuid,
  datapath: fc.constantFrom('userspace', 'xdp', 'tc'),
  bytes: fc.tuple(count, count),
});
const tunnel = fc.record(
  {
    peer: spiffeId,
    role,
    transport: session,
    path: fc.constantFrom('relayed', 'direct'),
    relay: text,
    circuitId: uuid,
    streams: count,
    bytesSent: count,
    bytesReceived: count,
    rttMs: rtt,
    lossPercent: fc.double({ min: 0, max: 100, noNaN: true }),
    congestionWindow: count,
    reason: fc.string({ maxLength: 256 }),
    since: time,
  },
  {
    requiredKeys: [
      'peer',
      'role',
      'transport',
      'path',
      'relay',
      'circuitId',
      'streams',
      'bytesSent',
      'bytesReceived',
      'since',
    ],
  },
);
const stream = fc.record(
  {
    pair: uuid,
    peer: spiffeId,
    direction: fc.constantFrom('outgoing', 'incoming'),
    protocol: transport,
    transport: session,
    source: text,
    target: text,
    bytesSent: count,
    bytesReceived: count,
    since: time,
  },
  {
    requiredKeys: [
      'pair',
      'peer',
      'direction',
      'protocol',
      'transport',
      'source',
      'bytesSent',
      'bytesReceived',
      'since',
    ],
  },
);
const report = {
  stream: uuid,
  pair: uuid,
  peer: spiffeId,
  direction: fc.constantFrom('outgoing', 'incoming'),
  protocol: transport,
  transport: session,
  relay: name,
  source: fc.stringMatching(/^[\x21-\x7e]{1,256}$/),
  target: text,
  openedAt: time,
};
const streamReport = fc.oneof(
  fc.record({ ...report, event: type('open') }),
  fc.record({
    ...report,
    event: type('end'),
    endedAt: time,
    durationMs: count,
    bytesSent: count,
    bytesReceived: count,
    reason: fc.constantFrom('ok', ...errorCodes),
  }),
);
const leg = fc.record({
  circuitId: uuid,
  transport,
  peer: spiffeId,
  role,
  relay: name,
  host: text,
  port,
  token: legToken,
  expiresAt: time,
});
const fingerprint = fc.stringMatching(/^[0-9a-f]{64}$/);
const trust = fc.record({
  type: type('trust'),
  authorities: text,
  issuing: fingerprint,
  renewWithin: fc.nat(limits.leafLifetime),
});
const trusts = fc.record({
  type: type('trusts'),
  roots: fc.array(fingerprint, { minLength: 1, maxLength: 8 }),
  certifiedBy: fingerprint,
});
const error = fc.record(
  { type: type('error'), id: requestId, code, message: text },
  { requiredKeys: ['type', 'code', 'message'] },
);

/** The four sets, with one arbitrary for each message of each. */
const sets = [
  {
    set: 'portal → control server',
    schema: portalMessageSchema,
    messages: [
      fc.record({ type: type('hello'), version: fc.string({ maxLength: 64 }), policyVersion: count }),
      fc.record({
        type: type('circuit.request'),
        id: requestId,
        peer: spiffeId,
        transport,
        avoid: fc.array(name, { maxLength: 16 }),
      }),
      fc.record({
        type: type('streams'),
        batch: count,
        dropped: count,
        reports: fc.array(streamReport, { maxLength: 5 }),
      }),
      fc.record({ type: type('circuit.close'), circuitId: uuid }),
      fc.record({
        type: type('listeners'),
        version: count,
        failed: fc.array(fc.record({ pair: uuid, code, message: text })),
      }),
      fc.record({ type: type('relay.rtt'), rttMs: fc.dictionary(name, rtt) }),
      fc.record({ type: type('inspection'), id: requestId, tunnels: fc.array(tunnel), streams: fc.array(stream) }),
      fc.record(
        { type: type('probed'), id: requestId, code, message: text, ms: rtt },
        { requiredKeys: ['type', 'id', 'message', 'ms'] },
      ),
      fc.record(
        {
          type: type('event'),
          action: fc.constantFrom('stream.denied', 'stream.failed', 'tunnel.failed', 'policy.refused'),
          code,
          message: text,
          pair: uuid,
          peer: spiffeId,
          source: text,
          at: time,
        },
        { requiredKeys: ['type', 'action', 'code', 'message', 'at'] },
      ),
      trusts,
      error,
    ],
  },
  {
    set: 'control server → portal',
    schema: portalCommandSchema,
    messages: [
      fc.record({ type: type('streams.kept'), batch: count }),
      fc.record({ type: type('welcome'), time, relays: fc.array(probe) }),
      fc.record({ type: type('policy'), jws: text }),
      fc.record({ type: type('crl'), der: base64 }),
      fc.record({ type: type('relays'), relays: fc.array(probe) }),
      fc.record({ type: type('circuit.offer'), id: requestId, leg }, { requiredKeys: ['type', 'leg'] }),
      fc.record({ type: type('circuit.closed'), circuitId: uuid, code }),
      fc.record({ type: type('circuit.leave'), circuitId: uuid }),
      fc.record({ type: type('inspect'), id: requestId }),
      fc.record({ type: type('probe'), id: requestId, pair: uuid }),
      trust,
      error,
    ],
  },
  {
    set: 'relay → control server',
    schema: relayMessageSchema,
    messages: [
      fc.record({
        type: type('hello'),
        version: fc.string({ maxLength: 64 }),
        address: fc.string({ minLength: 1, maxLength: 253 }),
        probePort: port,
        capacity: count,
        datapath: fc.constantFrom('userspace', 'xdp'),
        circuits: fc.array(uuid),
      }),
      fc.record({ type: type('circuit.opened'), id: requestId, circuitId: uuid, ports: fc.tuple(port, port) }),
      fc.record({ type: type('circuit.joined'), circuitId: uuid }),
      fc.record({ type: type('circuit.ended'), counters, code }),
      fc.record({ type: type('counters'), circuits: fc.array(counters) }),
      fc.record({ type: type('draining') }),
      trusts,
      error,
    ],
  },
  {
    set: 'control server → relay',
    schema: relayCommandSchema,
    messages: [
      fc.record({ type: type('welcome'), time }),
      fc.record({ type: type('crl'), der: base64 }),
      fc.record({
        type: type('circuit.open'),
        id: requestId,
        circuitId: uuid,
        transport,
        tokens: fc.tuple(legToken, legToken),
      }),
      fc.record({ type: type('circuit.close'), circuitId: uuid }),
      fc.record({ type: type('report') }),
      trust,
      error,
    ],
  },
] as const;

/** What decodeMessage makes of hostile text: a message, or one of its three codes with a text that an `error` can carry. */
function survives(decode: (data: string) => unknown, data: string): void {
  try {
    decode(data);
  } catch (thrown) {
    if (!(thrown instanceof NetportError)) throw thrown;
    expect(['too_large', 'protocol_error', 'unknown_message']).toContain(thrown.code);
    expect(errorMessage.safeParse({ type: 'error', code: thrown.code, message: thrown.message }).success).toBe(true);
  }
}

describe.each(sets)('$set', ({ schema, messages }) => {
  const message: fc.Arbitrary<{ type: string }> = fc.oneof(...(messages as readonly fc.Arbitrary<{ type: string }>[]));
  const decode = (data: string) => decodeMessage(schema as typeof portalMessageSchema, data);

  it('has an arbitrary for each of its types here', () => {
    const known = schema.options.map((option) => option.shape.type.value).sort();
    const tested = messages.map((each) => fc.sample(each as fc.Arbitrary<{ type: string }>, 1)[0]?.type).sort();
    expect(tested).toEqual(known);
  });

  it('round-trips every message', () => {
    for (const each of messages as readonly fc.Arbitrary<unknown>[]) {
      fc.assert(
        fc.property(each, (value) => {
          expect(decode(JSON.stringify(value))).toEqual(JSON.parse(JSON.stringify(value)));
        }),
        { numRuns: 50 },
      );
    }
  });

  it('ignores unknown fields', () => {
    fc.assert(
      fc.property(message, fc.jsonValue(), (value, newer) => {
        expect(decode(JSON.stringify({ ...value, 'newer field': newer }))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  it('meets arbitrary text and JSON with its three codes', () => {
    fc.assert(fc.property(fc.string(), (data) => survives(decode, data)));
    fc.assert(fc.property(fc.json(), (data) => survives(decode, data)));
    fc.assert(
      fc.property(message, fc.dictionary(fc.string(), fc.jsonValue()), (value, other) => {
        survives(decode, JSON.stringify({ ...other, type: value.type }));
      }),
    );
  });

  it('meets a message with one field changed, lost or cut short with its three codes', () => {
    fc.assert(
      fc.property(message, fc.nat(), fc.jsonValue(), (value, at, other) => {
        const keys = Object.keys(value);
        const key = keys[at % keys.length] ?? 'type';
        survives(decode, JSON.stringify({ ...value, [key]: other }));
        survives(decode, JSON.stringify({ ...value, [key]: undefined }));
        survives(decode, JSON.stringify(value).slice(0, at % JSON.stringify(value).length));
      }),
    );
  });

  it('tells an unknown type from no type and from a wrong field', () => {
    expect(() => decode('{"type":"from.the.future"}')).toThrow(
      expect.objectContaining({ code: 'unknown_message', message: 'unknown type from.the.future' }),
    );
    for (const data of ['{}', 'null', '[]', '"hello"', '{"type":7}', '[{"type":"error"}]']) {
      expect(() => decode(data), data).toThrow(
        expect.objectContaining({ code: 'protocol_error', message: 'the message has no type' }),
      );
    }
    expect(() => decode('{"type":"error","code":"from_the_future","message":""}')).toThrow(
      expect.objectContaining({ code: 'protocol_error', message: expect.stringMatching(/^error: code: /) }),
    );
    expect(() => decode('{"type":"error","id":"7","code":"internal","message":""}')).toThrow(
      expect.objectContaining({ code: 'protocol_error', message: expect.stringMatching(/^error: id: /) }),
    );
    expect(() => decode('{')).toThrow(
      expect.objectContaining({ code: 'protocol_error', message: 'the message is not JSON' }),
    );
  });
});

describe('decodeMessage', () => {
  const decode = (data: string) => decodeMessage(portalMessageSchema, data);

  it('refuses what is too large before it parses it', () => {
    expect(() => decode('x'.repeat(limits.controlMessageBytes + 1))).toThrow(
      expect.objectContaining({ code: 'too_large' }),
    );
    expect(() => decode('x'.repeat(limits.controlMessageBytes))).toThrow(
      expect.objectContaining({ code: 'protocol_error' }),
    );
  });

  it('survives the deepest nesting and the longest values that fit', () => {
    const half = limits.controlMessageBytes / 2;
    survives(decode, '['.repeat(half) + ']'.repeat(half));
    survives(decode, JSON.stringify({ type: 'x'.repeat(half) }));
    survives(decode, JSON.stringify({ type: 'relay.rtt', rttMs: { ['x'.repeat(half)]: 1 } }));
    const der = 'A'.repeat(half);
    expect(decodeMessage(portalCommandSchema, JSON.stringify({ type: 'crl', der }))).toEqual({ type: 'crl', der });
  });

  it('keeps prototypes out', () => {
    const value = decode('{"type":"hello","version":"1","policyVersion":1,"__proto__":{"polluted":true}}');
    expect('polluted' in value).toBe(false);
    expect(decode('{"type":"relay.rtt","rttMs":{"__proto__":1}}')).toEqual({ type: 'relay.rtt', rttMs: {} });
  });

  it('fills in what an older portal leaves out', () => {
    const request = { type: 'circuit.request', id: 1, peer: 'spiffe://netport.test/portal/a', transport: 'tcp' };
    expect(decode(JSON.stringify(request))).toEqual({ ...request, avoid: [] });
  });
});

it('messageId finds the id of a message that is wrong otherwise, and nothing where there is none', () => {
  expect(messageId('{"id":7}')).toBe(7);
  expect(messageId('{"id":7,"type":"from.the.future"}')).toBe(7);
  for (const data of ['', '{', '{}', '{"id":"7"}', '{"id":-1}', '{"id":1.5}', 'null', '7']) {
    expect(messageId(data), data).toBeUndefined();
  }
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.json()), (data) => {
      expect(['number', 'undefined']).toContain(typeof messageId(data));
    }),
  );
});
