import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toBase64Url } from './bytes.js';
import { decodeJoinToken, encodeJoinToken, type JoinToken } from './join-token.js';
import type { Name } from './names.js';

const token: fc.Arbitrary<JoinToken> = fc.record({
  url: fc
    .tuple(fc.oneof(fc.domain(), fc.ipV4()), fc.integer({ min: 1, max: 65535 }))
    .map(([host, port]) => `https://${host}:${port}`),
  ca: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex')),
  kind: fc.constantFrom('portal' as const, 'relay' as const),
  name: fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$/).map((name) => name as Name),
  id: fc.uuid(),
  secret: fc.uint8Array({ minLength: 32, maxLength: 32 }).map(toBase64Url),
});
const example: JoinToken = {
  url: 'https://control.example:8443',
  ca: 'ab'.repeat(32),
  kind: 'portal',
  name: 'laptop' as Name,
  id: '00112233-4455-6677-8899-aabbccddeeff',
  secret: `${'S'.repeat(42)}A`,
};
const encode = (value: unknown) => `npj1_${toBase64Url(new TextEncoder().encode(JSON.stringify(value)))}`;
const invalid = expect.objectContaining({ name: 'NetportError', code: 'token_invalid' });

/** Decodes what must be refused; returns the whole of what the error shows. */
function refusal(text: string): string {
  try {
    decodeJoinToken(text);
  } catch (error) {
    expect(error).toEqual(invalid);
    return `${error} ${JSON.stringify(error)} ${(error as Error).cause ?? ''}`;
  }
  throw new Error('was accepted');
}

describe('join token', () => {
  it('round-trips', () => {
    fc.assert(
      fc.property(token, (value) => {
        expect(decodeJoinToken(encodeJoinToken(value))).toEqual(value);
      }),
    );
  });

  it('is refused cut anywhere, or with anything after it, without being repeated', () => {
    const text = encodeJoinToken(example);
    for (let length = 0; length < text.length; length++) {
      const shown = refusal(text.slice(0, length));
      expect(shown).not.toContain(example.secret);
      if (length > 16) expect(shown).not.toContain(text.slice(5, length));
    }
    for (const rest of ['A', '=', ' ', '\n', text]) expect(refusal(text + rest)).not.toContain(text);
  });

  it('is refused when it is garbage, without repeating it', () => {
    const garbage = fc.string({ minLength: 12 });
    fc.assert(
      fc.property(garbage, fc.boolean(), (text, prefixed) => {
        expect(refusal(prefixed ? `npj1_${text}` : text)).not.toContain(text);
      }),
    );
    fc.assert(
      fc.property(fc.json(), (json) => {
        refusal(`npj1_${toBase64Url(new TextEncoder().encode(json))}`);
      }),
    );
  });

  it.each([
    ['no https', { url: 'http://control.example' }],
    ['no URL', { url: 'control.example:8443' }],
    ['a short fingerprint', { ca: 'ab' }],
    ['an upper-case fingerprint', { ca: 'AB'.repeat(32) }],
    ['another kind', { kind: 'admin' }],
    ['a name that is none', { name: 'Laptop!' }],
    ['an id that is none', { id: '7' }],
    ['a short secret', { secret: 'short' }],
    ['a field that is missing', { secret: undefined }],
  ])('is refused with %s', (_, change) => {
    expect(refusal(encode({ ...example, ...change }))).not.toContain(example.secret);
  });

  it('is refused in another version, in bytes that are no UTF-8, and beyond its largest size', () => {
    refusal(encodeJoinToken(example).replace('npj1_', 'npj2_'));
    refusal(`npj1_${toBase64Url(Uint8Array.of(0xff, 0xfe))}`);
    refusal(encode({ ...example, padding: 'x'.repeat(2048) }));
  });

  it('ignores fields that a newer server adds', () => {
    expect(decodeJoinToken(encode({ ...example, newer: true }))).toEqual(example);
  });
});
