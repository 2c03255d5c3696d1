import { type Cipher, createCipheriv, createHash } from 'node:crypto';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';

const blockBytes = 256 * 1024;

/** What makes zeros into bytes that nobody else sends: AES-128-CTR under the seed. */
export function payloadCipher(seed: number): Cipher {
  const iv = Buffer.alloc(16);
  iv.writeUInt32BE(seed);
  return createCipheriv('aes-128-ctr', Buffer.alloc(16, 7), iv);
}

/** Sends `size` such bytes; resolves with their SHA-256. */
export async function sendPayload(sink: Writable, seed: number, size: number): Promise<string> {
  const cipher = payloadCipher(seed);
  const zeros = Buffer.alloc(blockBytes);
  const hash = createHash('sha256');
  for (let left = size; left > 0; left -= blockBytes) {
    const block = cipher.update(left < blockBytes ? zeros.subarray(0, left) : zeros);
    hash.update(block);
    if (!sink.write(block)) await once(sink, 'drain');
  }
  return hash.digest('hex');
}

/** Reads to the end; resolves with length and SHA-256, rejects when the source breaks. Leaves the other direction open. */
export function receivePayload(source: Readable): Promise<{ bytes: number; sha256: string }> {
  const hash = createHash('sha256');
  let bytes = 0;
  return new Promise((resolve, reject) => {
    // Not `for await`: that destroys a socket whose other direction is still in use.
    source.on('data', (chunk: Buffer) => {
      hash.update(chunk);
      bytes += chunk.length;
    });
    source.once('end', () => resolve({ bytes, sha256: hash.digest('hex') }));
    source.once('error', reject);
    source.once('close', () => reject(new Error(`closed after ${bytes} bytes without an end`)));
  });
}
