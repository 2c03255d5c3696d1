import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';

/** What curl fetches, from within a namespace: length and SHA-256. Rejects when curl fails. */
export async function curl(namespace: string, url: string): Promise<{ bytes: number; sha256: string }> {
  const args = ['netns', 'exec', namespace, 'curl', '-sS', '--fail', '--max-time', '60', url];
  const { stdout } = await promisify(execFile)('ip', args, { encoding: 'buffer', maxBuffer: 1024 ** 3 });
  return { bytes: stdout.length, sha256: createHash('sha256').update(stdout).digest('hex') };
}
