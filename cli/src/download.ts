import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { createInterface } from 'node:readline';
import { NetportError } from '@netport/protocol';
import { connectionError } from './connection-error.js';
import { type Answer, parseJson, type Question } from './exchange.js';

/** The beginning of an answer of any length. `timeout` is for that, and for each silence in it. */
export async function openDownload(
  { agent, target, token, timeout }: Question,
  refused: (answer: Answer) => NetportError,
): Promise<IncomingMessage> {
  const incoming = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { accept: 'application/x-ndjson', authorization: `Bearer ${token}` };
    const outgoing = request(target, { agent, headers, timeout });
    outgoing.on('timeout', () => outgoing.destroy(Object.assign(new Error('timed out'), { code: 'ETIMEDOUT' })));
    outgoing.on('error', (error) => reject(connectionError(target.origin, error))).on('response', resolve);
    outgoing.end();
  });
  const status = incoming.statusCode ?? 0;
  if (status >= 300) {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    throw refused({ status, json: parseJson(Buffer.concat(chunks)) });
  }
  return incoming;
}

/** The lines of it, as they come. */
export async function* linesOf(incoming: IncomingMessage, { origin }: URL): AsyncIterable<string> {
  // An iterator of lines alone would take a broken connection for the end.
  let broken: Error | undefined;
  incoming.on('error', (error) => {
    broken = error;
  });
  yield* createInterface({ input: incoming, crlfDelay: Number.POSITIVE_INFINITY });
  if (broken || !incoming.complete) {
    throw new NetportError('unavailable', `${origin} broke off in the middle of its answer`, { cause: broken });
  }
}
