import { describe, expect, it } from 'vitest';
import { accessPairSchema, endpointSchema, listenerKey, policyDocumentSchema, timestampSchema } from './policy.js';

const id = '00112233-4455-6677-8899-aabbccddeeff';
const pair = {
  id,
  name: 'web',
  protocol: 'tcp',
  from: { portal: 'laptop', address: '127.0.0.1', port: 8080 },
  to: { portal: 'field-gw', address: 'unix:/run/web.sock' },
  transport: 'auto',
  enabled: true,
  owner: 'token:admin',
  reason: '',
};
const rule = {
  pair: id,
  name: 'web',
  protocol: 'tcp',
  peer: 'spiffe://netport.test/portal/field-gw',
  address: '127.0.0.1',
  port: 8080,
};
const document = {
  version: 3,
  trustDomain: 'netport.test',
  portal: 'laptop',
  issuedAt: '2030-01-31T12:00:00.000Z',
  listeners: [rule],
  targets: [],
};

describe('endpoint', () => {
  it.each([
    [{ portal: 'a', address: '10.0.0.5', port: 80 }, true],
    [{ portal: 'a', address: '[::1]', port: 65535 }, true],
    [{ portal: 'a', address: 'unix:/x' }, true],
    [{ portal: 'a', address: 'unix:/x', port: 80 }, false],
    [{ portal: 'a', address: '10.0.0.5' }, false],
    [{ portal: 'a', address: '10.0.0.5', port: 0 }, false],
    [{ portal: 'a', address: '10.0.0.5', port: 65536 }, false],
    [{ portal: 'a', address: '10.0.0.5', port: 80.5 }, false],
    [{ portal: 'a', address: '10.0.0.5', port: '80' }, false],
    [{ portal: 'A', address: '10.0.0.5', port: 80 }, false],
    [{ portal: 'a', address: '10.0.0.300', port: 80 }, false],
    [{ address: '10.0.0.5', port: 80 }, false],
    [null, false],
  ])('%j: %s', (endpoint, valid) => {
    expect(endpointSchema.safeParse(endpoint).success).toBe(valid);
  });

  it('says which field is wrong and what belongs there', () => {
    expect(endpointSchema.safeParse({ portal: 'a', address: '::1', port: 80 }).error?.issues).toMatchObject([
      { path: ['address'], message: expect.stringContaining('in brackets') },
    ]);
    expect(endpointSchema.safeParse({ portal: 'a', address: 'plc' }).error?.issues).toMatchObject([
      { path: ['port'], message: 'a port is required' },
    ]);
  });
});

it('an access pair and a policy document keep what they know and drop what they do not', () => {
  expect(accessPairSchema.parse({ ...pair, newer: 1 })).toEqual(pair);
  expect(policyDocumentSchema.parse({ ...document, newer: 1, listeners: [{ ...rule, newer: 1 }] })).toEqual(document);
});

it.each([
  { version: -1 },
  { version: 1.5 },
  { version: '3' },
  { portal: 'Laptop' },
  { issuedAt: 'yesterday' },
  { targets: undefined },
  { listeners: [{ ...rule, peer: 'field-gw' }] },
  { listeners: [{ ...rule, port: undefined }] },
  { listeners: [{ ...rule, protocol: 'sctp' }] },
])('a policy document with %j is refused', (change) => {
  expect(policyDocumentSchema.safeParse({ ...document, ...change }).success).toBe(false);
});

it.each([
  ['2030-01-31T12:00:00Z', true],
  ['2030-01-31T12:00:00.123Z', true],
  ['2030-01-31T12:00:00+01:00', false],
  ['2030-02-30T12:00:00Z', false],
  ['2030-01-31', false],
  ['tomorrow', false],
])('timestamp %j: %s', (text, valid) => {
  expect(timestampSchema.safeParse(text).success).toBe(valid);
});

it('two listeners collide on protocol, address and port together', () => {
  const listener = { protocol: 'tcp' as const, address: '127.0.0.1', port: 80 };
  expect(listenerKey(listener)).toBe(listenerKey({ ...listener }));
  expect(listenerKey(listener)).not.toBe(listenerKey({ ...listener, protocol: 'udp' }));
  expect(listenerKey(listener)).not.toBe(listenerKey({ ...listener, port: 81 }));
  expect(listenerKey({ protocol: 'tcp', address: 'unix:/x' })).toBe('tcp unix:/x');
});
