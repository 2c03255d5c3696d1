import { readFile } from 'node:fs/promises';
import { NetportError } from '@netport/protocol';

/** What the file of `--ca-passphrase-file` says, without its line end. Throws `invalid_request`. */
export async function readPassphrase(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch((cause: Error) => {
    throw new NetportError('invalid_request', `the CA passphrase cannot be read: ${cause.message}`, { cause });
  });
  const passphrase = text.replace(/\r?\n$/, '');
  if (passphrase !== '') return passphrase;
  throw new NetportError('invalid_request', `the CA passphrase file ${path} is empty`);
}
