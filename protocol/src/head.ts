import { z } from 'zod';
import { type ErrorCode, errorTable, isErrorCode, NetportError } from './errors.js';
import { limits } from './limits.js';
import { type PairId, pairIdSchema, type StreamId, streamIdSchema } from './names.js';
import { type Protocol, protocolSchema } from './policy.js';

/**
 * The stream head: what the opening portal says of one application connection. Over HTTP/2 it travels as the header
 * fields of a CONNECT request (RFC 9113 §8.5):
 *
 *     :method           CONNECT
 *     :authority        <access pair id>:0       names the pair, not a host: the opener is not told the target
 *     netport-protocol  tcp
 *     netport-source    127.0.0.1:50312          the application's address, or "unix"; for audit, never for a decision
 *     netport-stream    <uuid>                   optional: under which both portals report the stream to the audit trail
 *
 * A UDP flow adds what an extended CONNECT has (RFC 8441 §4, RFC 9298 §3.4), and `netport-protocol` is udp:
 *
 *     :protocol         connect-udp
 *     :scheme           https
 *     :path             /
 *     capsule-protocol  ?1
 *
 * and is answered by `:status` 200, or by the status of a code from errors.ts with `netport-code` and `netport-message`.
 */
export interface StreamHead {
  pair: PairId;
  protocol: Protocol;
  source: string;
  /** Made by the opener; an older one makes none. */
  stream?: StreamId;
}

export type HeaderFields = Record<string, string | string[] | number | undefined>;

const connectUdp = 'connect-udp';

/** The application's address, as a peer says it. */
export const sourceSchema = z
  .string()
  .max(256)
  .regex(/^[\x21-\x7e]+$/);

const headSchema = z
  .object({
    ':method': z.literal('CONNECT'),
    ':protocol': z.literal(connectUdp).optional(),
    ':authority': z
      .string()
      .max(64)
      .transform((text) => text.replace(/:0$/, ''))
      .pipe(pairIdSchema),
    'netport-protocol': protocolSchema,
    'netport-source': sourceSchema,
    'netport-stream': streamIdSchema.optional(),
  })
  .refine((fields) => (fields['netport-protocol'] === 'udp') === (fields[':protocol'] === connectUdp), {
    path: [':protocol'],
    message: 'udp, and nothing else, goes by connect-udp',
  });

/** RFC 9297 §3.4: capsules follow. */
const capsuleFields = { 'capsule-protocol': '?1' } as const;

export const encodeStreamHead = (head: StreamHead): Record<string, string> => ({
  ':method': 'CONNECT',
  ':authority': `${head.pair}:0`,
  'netport-protocol': head.protocol,
  'netport-source': head.source,
  ...(head.stream && { 'netport-stream': head.stream }),
  ...(head.protocol === 'udp' && { ':protocol': connectUdp, ':scheme': 'https', ':path': '/', ...capsuleFields }),
});

/** Throws `protocol_error` naming the first field that is wrong. */
export function decodeStreamHead(fields: HeaderFields): StreamHead {
  const result = headSchema.safeParse(fields);
  if (!result.success) {
    const issue = result.error.issues[0];
    throw new NetportError('protocol_error', `stream head: ${issue?.path.join('.')}: ${issue?.message}`);
  }
  const stream = result.data['netport-stream'];
  return {
    pair: result.data[':authority'],
    protocol: result.data['netport-protocol'],
    source: result.data['netport-source'],
    ...(stream && { stream }),
  };
}

/** The fields that accept a stream with this head. */
export const acceptFields = ({ protocol }: StreamHead) => ({
  ':status': 200,
  ...(protocol === 'udp' && capsuleFields),
});

/** Cut, and made printable ASCII, as a header field requires and a log may hope for. */
export const printable = (message: string): string =>
  message.replace(/[^\x20-\x7e]/g, '?').slice(0, limits.streamHeadBytes / 4);

export const encodeRejection = (code: ErrorCode, message: string): Record<string, string | number> => ({
  ':status': errorTable[code].status,
  'netport-code': code,
  'netport-message': printable(message),
});

/** Undefined when the stream was accepted, else why not. An unknown code from a newer peer reads as `tunnel_failed`. */
export function decodeAnswer(fields: HeaderFields): NetportError | undefined {
  if (fields[':status'] === 200) return undefined;
  const code = fields['netport-code'];
  const message = fields['netport-message'];
  return new NetportError(
    isErrorCode(code) ? code : 'tunnel_failed',
    typeof message === 'string' ? message : `the peer answered ${String(fields[':status'])}`,
  );
}
