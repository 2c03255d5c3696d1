import { type Agent, request } from 'node:https';
import { limits, NetportError } from '@netport/protocol';
import { connectionError } from './connection-error.js';

export interface Answer {
  status: number;
  /** Undefined where the body is not JSON. */
  json: unknown;
}

export interface Question {
  agent: Agent;
  target: URL;
  method: string;
  token?: string;
  body?: unknown;
  /** Goes as If-Match: only if it is still this one. */
  revision?: number | undefined;
  /** Milliseconds, for the whole of it. */
  timeout: number;
  /** Bytes of the answer. */
  max?: number;
}

/** One HTTPS request and its whole answer, whatever its status. Throws a NetportError that says why there was none. */
export async function exchange(question: Question): Promise<Answer> {
  const { status, body } = await ask(question);
  return { status, json: parseJson(body) };
}

/** The same for an answer that is not JSON. */
export function ask(question: Question): Promise<{ status: number; body: Buffer }> {
  const { agent, target, method, token, body, revision, timeout, max = limits.apiAnswerBytes } = question;
  const payload = body === undefined ? undefined : JSON.stringify(body);
  const signal = AbortSignal.timeout(timeout);
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => {
      const late = signal.aborted ? Object.assign(error, { code: 'ETIMEDOUT' }) : error;
      reject(error instanceof NetportError ? error : connectionError(target.origin, late));
    };
    const outgoing = request(target, {
      agent,
      signal,
      method: method.toUpperCase(),
      headers: {
        accept: token === undefined ? '*/*' : 'application/json',
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(revision !== undefined && { 'if-match': `"${revision}"` }),
        ...(payload !== undefined && {
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(payload),
        }),
      },
    });
    outgoing.on('error', fail).on('response', (incoming) => {
      const chunks: Buffer[] = [];
      let size = 0;
      incoming
        .on('data', (chunk: Buffer) => {
          size += chunk.length;
          chunks.push(chunk);
          if (size > max) {
            incoming.destroy(new NetportError('too_large', `${target.origin} answered more than ${size} bytes`));
          }
        })
        .on('error', fail)
        .on('end', () => resolve({ status: incoming.statusCode ?? 0, body: Buffer.concat(chunks) }));
    });
    outgoing.end(payload);
  });
}

/** Undefined where it is not JSON. */
export function parseJson(body: Buffer): unknown {
  if (body.length === 0) return {};
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
