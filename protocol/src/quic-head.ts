import { z } from 'zod';
import { type ErrorCode, isErrorCode, NetportError } from './errors.js';
import { printable, type StreamHead, sourceSchema } from './head.js';
import { limits } from './limits.js';
import { pairIdSchema, streamIdSchema } from './names.js';
import { protocolSchema } from './policy.js';
import { readVarint, varintBytes, writeVarint } from './varint.js';

/**
 * What begins a stream over QUIC: the client's head, and the server's answer to it. The stream's other bytes follow at once.
 *
 *     +------------------+---------------------------------------------------------+
 *     | length           | JSON, UTF-8, at most 4096 bytes                         |
 *     | (varint)         |   head     {"pair", "protocol", "source", "stream"?}    |
 *     |                  |   answer   {} or {"code": …, "message": …}              |
 *     +------------------+---------------------------------------------------------+
 *
 * Each direction ends with a mark: one byte in the same STREAM frame as FIN, 0 for an end in order, 1 for a reset. It is no part
 * of what the stream carries. A FIN that travels alone is forgotten by quiche 0.18 when it is lost after all data was
 * acknowledged, a RESET_STREAM when the other direction has ended; and the peer would wait for ever.
 */
export const quicEndMark: Uint8Array = Uint8Array.of(0);
export const quicResetMark: Uint8Array = Uint8Array.of(1);

const headSchema = z.object({
  pair: pairIdSchema,
  protocol: protocolSchema,
  source: sourceSchema,
  stream: streamIdSchema.optional(),
});
const answerSchema = z.object({ code: z.string().optional(), message: z.string().default('the peer gave no reason') });

export const encodeQuicHead = ({ pair, protocol, source, stream }: StreamHead): Uint8Array =>
  encode({ pair, protocol, source, stream });

/** `undefined` accepts. */
export const encodeQuicAnswer = (refusal?: { code: ErrorCode; message: string }): Uint8Array =>
  encode(refusal ? { code: refusal.code, message: printable(refusal.message) } : {});

/** Without its length. Throws `protocol_error` naming the first field that is wrong. */
export function decodeQuicHead(json: Uint8Array): StreamHead {
  const { stream, ...head } = decode(json, headSchema);
  return { ...head, ...(stream && { stream }) };
}

/** Undefined when the stream was accepted, else why not. An unknown code from a newer peer reads as `tunnel_failed`. */
export function decodeQuicAnswer(json: Uint8Array): NetportError | undefined {
  const { code, message } = decode(json, answerSchema);
  if (code === undefined) return undefined;
  return new NetportError(isErrorCode(code) ? code : 'tunnel_failed', printable(message));
}

function encode(message: object): Uint8Array {
  const json = new TextEncoder().encode(JSON.stringify(message));
  const bytes = new Uint8Array(varintBytes(json.length) + json.length);
  bytes.set(json, writeVarint(bytes, 0, json.length));
  return bytes;
}

function decode<T>(json: Uint8Array, schema: z.ZodType<T>): T {
  let message: unknown;
  try {
    message = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json));
  } catch (cause) {
    throw new NetportError('protocol_error', 'stream head: no JSON', { cause });
  }
  const result = schema.safeParse(message);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new NetportError('protocol_error', `stream head: ${issue?.path.join('.')}: ${issue?.message}`);
}

/** What one read of a stream gave, without its mark. */
export interface StreamRead {
  count: number;
  /** It was the last. */
  ended: boolean;
}

/** Takes one head or answer from a stream, and not a byte more. */
export class QuicHeadReader {
  #bytes = new Uint8Array(1);
  #filled = 0;
  #measured = false;

  /**
   * `read` fills what it is given as far as it can, or gives undefined when there is nothing now. Returns the JSON once it is whole.
   * Throws `protocol_error` when it is too long, or the stream ends before.
   */
  read(read: (into: Uint8Array) => StreamRead | undefined): Uint8Array | undefined {
    for (;;) {
      const got = read(this.#bytes.subarray(this.#filled));
      if (!got) return undefined;
      this.#filled += got.count;
      if (got.ended) throw new NetportError('protocol_error', 'stream head: the stream ended inside it');
      if (this.#filled === this.#bytes.length && this.#advance()) return this.#bytes;
    }
  }

  /** True when what is whole is the JSON; else makes room for what comes next. */
  #advance(): boolean {
    if (this.#measured) return true;
    const length = readVarint(this.#bytes);
    if (!length) {
      const longer = new Uint8Array(1 << ((this.#bytes[0] ?? 0) >> 6));
      longer.set(this.#bytes);
      this.#bytes = longer;
      return false;
    }
    if (length.value === 0 || length.value > limits.streamHeadBytes) {
      throw new NetportError('protocol_error', `stream head: ${length.value} bytes`);
    }
    this.#bytes = new Uint8Array(length.value);
    this.#filled = 0;
    this.#measured = true;
    return false;
  }
}
