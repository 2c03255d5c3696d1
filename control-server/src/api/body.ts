import type { IncomingMessage } from 'node:http';
import { NetportError } from '@netport/protocol';

/**
 * The whole body of a request as text. Throws `too_large` as soon as that shows, not when all of it has come, and
 * `invalid_request` for one that is compressed: nobody needs that here, and a small one could unpack to a large one.
 */
export async function readBody(request: IncomingMessage, most: number): Promise<string> {
  const { 'content-length': announced, 'content-encoding': encoding = 'identity' } = request.headers;
  const tooLarge = new NetportError(
    'too_large',
    `the body has more than ${most} bytes, which is all that is taken here`,
  );
  if (Number(announced) > most) throw tooLarge;
  if (encoding !== 'identity') {
    throw new NetportError('invalid_request', `send the body as it is, not in the encoding ${encoding}`);
  }
  const chunks: Buffer[] = [];
  let length = 0;
  return new Promise((resolve, reject) => {
    request
      .on('data', (chunk: Buffer) => {
        length += chunk.length;
        if (length > most) reject(tooLarge);
        else chunks.push(chunk);
      })
      .on('end', () => resolve(Buffer.concat(chunks).toString('utf8')))
      .on('error', (cause) => reject(new NetportError('invalid_request', 'the body did not come in full', { cause })));
  });
}
