import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { root } from './harness/index.js';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'netport-lock-'));
});
afterAll(() => rm(directory, { recursive: true }));

/** What the review says of our lock file with this package in it. */
async function review(name: string, entry: object): Promise<string> {
  const lock = JSON.parse(await readFile(join(root, 'package-lock.json'), 'utf8'));
  lock.packages[`node_modules/${name}`] = entry;
  const file = join(directory, 'package-lock.json');
  await writeFile(file, JSON.stringify(lock));
  const script = join(root, 'scripts/dependencies.mjs');
  const { stdout } = await promisify(execFile)(process.execPath, [script, '--offline', file]).catch((failed) => ({
    stdout: failed.stderr as string,
  }));
  return stdout.trim();
}

const good = { version: '1.0.0', license: 'MIT', integrity: `sha512-${'A'.repeat(86)}==` };

it.each<[string, object, RegExp]>([
  ['good', good, /^\d+ packages: locked by hash/],
  ['unhashed', { ...good, integrity: undefined }, /^unhashed: has no SHA-512 in the lock file$/],
  ['weak', { ...good, integrity: 'sha1-AAAA' }, /^weak: has no SHA-512 in the lock file$/],
  ['forked', { ...good, resolved: 'git+ssh://git@example.net/x/forked.git#1' }, /^forked: comes from git/],
  ['plain', { ...good, resolved: 'http://example.net/plain/-/plain-1.0.0.tgz' }, /^plain: comes from http:/],
  ['elsewhere', { ...good, resolved: 'https://example.net/elsewhere.tgz' }, /^elsewhere: comes from https:/],
  ['local', { resolved: 'file:../somewhere' }, /^local: comes from file:/],
  ['viral', { ...good, license: 'AGPL-3.0-only' }, /^viral: has the licence AGPL-3.0-only/],
  ['both', { ...good, license: 'MIT AND GPL-3.0' }, /^both: has the licence MIT AND GPL-3.0/],
  ['either', { ...good, license: '(MIT OR GPL-3.0)' }, /^\d+ packages/],
  ['silent', { ...good, license: undefined }, /^silent: has the licence \(none\)/],
  ['busy', { ...good, hasInstallScript: true }, /^busy: runs a script when it is installed$/],
])('a package that is %s', async (name, entry, answer) => {
  expect(await review(name, entry)).toMatch(answer);
});
