import { execFileSync } from 'node:child_process';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openDataDirectory } from '@netport/runtime';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryDirectory } from '../../test/harness.js';
import { loadAuthority } from './load-authority.js';
import { readPassphrase } from './passphrase.js';

async function newDirectory() {
  const { path, remove } = await temporaryDirectory();
  const directory = await openDataDirectory(path);
  onTestFinished(async () => {
    await directory.close();
    await remove();
  });
  const load = (passphrase?: string) => loadAuthority(directory, undefined, new Date(), passphrase);
  const key = (name: string): Promise<string> => readFile(join(path, name), 'utf8');
  return { path, load, key };
}

const keyFiles = ['root-key.pem', 'issuer-key.pem'];

test('with a passphrase the keys of the CA are encrypted on disk, those too that were there before', async () => {
  for (const before of [undefined, 'a passphrase']) {
    const { path, load, key } = await newDirectory();
    const { authority } = await load(before);
    const again = await load('a passphrase');
    expect(again.authority.issuerPem).toBe(authority.issuerPem);
    for (const name of keyFiles) expect(await key(name)).toMatch(/^-----BEGIN ENCRYPTED PRIVATE KEY-----/);
    const opened = ['pkey', '-in', join(path, 'issuer-key.pem'), '-passin', 'pass:a passphrase', '-pubout'];
    const issuer = ['x509', '-in', join(path, 'issuer.pem'), '-noout', '-pubkey'];
    expect(execFileSync('openssl', opened).toString()).toBe(execFileSync('openssl', issuer).toString());
    // Taken off line.
    await rm(join(path, 'root-key.pem'));
    await load('a passphrase');
  }
});

test('without the passphrase, or with another, the CA stays shut, and nothing is written', async () => {
  const { load, key } = await newDirectory();
  await load('a passphrase');
  const kept = await Promise.all(keyFiles.map(key));
  await expect(load()).rejects.toMatchObject({
    code: 'invalid_request',
    message: expect.stringContaining('--ca-passphrase-file'),
  });
  await expect(load('another')).rejects.toMatchObject({ code: 'invalid_request' });
  expect(await Promise.all(keyFiles.map(key))).toEqual(kept);
});

test('the passphrase is the file without its line end', async () => {
  const { path, remove } = await temporaryDirectory();
  onTestFinished(remove);
  const file = join(path, 'passphrase');
  await writeFile(file, ' two words \n');
  expect(await readPassphrase(file)).toBe(' two words ');
  await writeFile(file, '\n');
  await expect(readPassphrase(file)).rejects.toMatchObject({ code: 'invalid_request' });
  await expect(readPassphrase(join(path, 'none'))).rejects.toMatchObject({ code: 'invalid_request' });
});
