import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatSpiffeId,
  type Identity,
  identityKinds,
  nameSchema,
  parseSpiffeId,
  spiffeIdSchema,
  trustDomainSchema,
  uuidSchema,
} from './names.js';

const identity = fc.record({
  trustDomain: fc.stringMatching(/^[a-z0-9._-]{1,255}$/),
  kind: fc.constantFrom(...identityKinds),
  name: fc.stringMatching(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/),
}) as fc.Arbitrary<unknown> as fc.Arbitrary<Identity>;

describe('SPIFFE ID', () => {
  it('round-trips', () => {
    fc.assert(
      fc.property(identity, (value) => {
        const id = formatSpiffeId(value);
        expect(spiffeIdSchema.parse(id)).toBe(id);
        expect(parseSpiffeId(id)).toEqual(value);
      }),
    );
  });

  it.each([
    '',
    'spiffe://',
    'spiffe://netport.test',
    'spiffe://netport.test/portal',
    'spiffe://netport.test/portal/',
    'spiffe:///portal/a',
    'spiffe://netport.test/portal/a/',
    'spiffe://netport.test/portal/a/b',
    'spiffe://netport.test/user/a',
    'spiffe://netport.test/Portal/a',
    'spiffe://Netport.test/portal/a',
    'spiffe://netport.test/portal/A',
    'spiffe://netport.test/portal/a?b',
    'spiffe://netport.test/portal/a#b',
    'spiffe://netport.test/portal/a%2fb',
    'spiffe://netport.test/portal/..',
    'spiffe://netport.test:8443/portal/a',
    'spiffe://user@netport.test/portal/a',
    'SPIFFE://netport.test/portal/a',
    'https://netport.test/portal/a',
    ' spiffe://netport.test/portal/a',
    'spiffe://netport.test/portal/a\n',
    'spiffe://netport.test//portal/a',
  ])('%j is none', (text) => {
    expect(parseSpiffeId(text)).toBeUndefined();
    expect(spiffeIdSchema.safeParse(text).success).toBe(false);
  });

  it('is what it was read from, whatever the text', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.webUrl(),
          fc.string().map((text) => `spiffe://a/portal/${text}`),
        ),
        (text) => {
          const parsed = parseSpiffeId(text);
          expect(spiffeIdSchema.safeParse(text).success).toBe(parsed !== undefined);
          if (parsed) expect(formatSpiffeId(parsed)).toBe(text);
        },
      ),
    );
  });
});

it.each([
  ['a', true],
  ['0', true],
  ['field-gw-2', true],
  ['a--b', true],
  ['a'.repeat(63), true],
  ['a'.repeat(64), false],
  ['', false],
  ['-a', false],
  ['a-', false],
  ['A', false],
  ['a_b', false],
  ['a.b', false],
  ['a/b', false],
  ['a\n', false],
  ['é', false],
  [7, false],
])('name %j: %s', (text, valid) => {
  expect(nameSchema.safeParse(text).success).toBe(valid);
});

it.each([
  ['netport.test', true],
  ['a_b-c.d', true],
  ['', false],
  ['Netport', false],
  ['a/b', false],
  ['a:1', false],
  ['a'.repeat(256), false],
])('trust domain %j: %s', (text, valid) => {
  expect(trustDomainSchema.safeParse(text).success).toBe(valid);
});

it.each([
  ['00112233-4455-6677-8899-aabbccddeeff', true],
  ['00112233-4455-6677-8899-AABBCCDDEEFF', false],
  ['00112233445566778899aabbccddeeff', false],
  ['00112233-4455-6677-8899-aabbccddeef', false],
  ['{00112233-4455-6677-8899-aabbccddeeff}', false],
])('UUID %j: %s', (text, valid) => {
  expect(uuidSchema.safeParse(text).success).toBe(valid);
});
