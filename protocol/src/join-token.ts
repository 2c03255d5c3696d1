import { z } from 'zod';
import { fromBase64Url, toBase64Url } from './bytes.js';
import { NetportError } from './errors.js';
import { nameSchema, uuidSchema } from './names.js';

/**
 * A join token: `npj1_` and the base64url of a JSON object. It says where the control server is, which root CA to
 * believe, and proves once that its bearer may become `name`. All of it is the EST password (RFC 7030 §3.2.3).
 */
const prefix = 'npj1_';
const maxLength = 2048;

export const joinTokenSchema = z.object({
  url: z.url({ protocol: /^https$/ }),
  /** SHA-256 of the root CA certificate's DER, hexadecimal. */
  ca: z.string().regex(/^[0-9a-f]{64}$/),
  kind: z.enum(['portal', 'relay']),
  name: nameSchema,
  id: uuidSchema,
  /** 32 random bytes, base64url. */
  secret: z.string().regex(/^[A-Za-z0-9_-]{43}$/),
});
export type JoinToken = z.infer<typeof joinTokenSchema>;

export const encodeJoinToken = (token: JoinToken): string =>
  prefix + toBase64Url(new TextEncoder().encode(JSON.stringify(token)));

/** Throws `token_invalid`; the message never repeats any of the token. */
export function decodeJoinToken(text: string): JoinToken {
  try {
    if (!text.startsWith(prefix) || text.length > maxLength) throw new TypeError('no such prefix, or too long');
    const json = new TextDecoder('utf-8', { fatal: true }).decode(fromBase64Url(text.slice(prefix.length)));
    return joinTokenSchema.parse(JSON.parse(json));
  } catch {
    throw new NetportError('token_invalid', 'this is not a whole join token: copy all of it, from npj1_ to its end');
  }
}
