import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { limits } from '@netport/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readSources } from './sources.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'netport-documents-'));
});
afterEach(() => rm(folder, { recursive: true }));

const read = async (names: string[], stdin = '') =>
  (await readSources(names, Readable.from([stdin]))).map(({ file, text }) => [file.replace(`${folder}/`, ''), text]);

test('directories are read to their ends, in order, and only what looks like documents', async () => {
  await mkdir(join(folder, 'b', 'c'), { recursive: true });
  await mkdir(join(folder, '.git'));
  for (const name of ['z.yml', 'a.yaml', 'b/c/d.json', 'notes.txt', '.git/x.yaml', '.hidden.yaml']) {
    await writeFile(join(folder, name), name);
  }
  await symlink(join(folder, 'z.yml'), join(folder, 'link.yaml'));
  await symlink(folder, join(folder, 'b', 'loop'));
  expect(await read([folder])).toEqual([
    ['a.yaml', 'a.yaml'],
    ['b/c/d.json', 'b/c/d.json'],
    ['link.yaml', 'z.yml'],
    ['z.yml', 'z.yml'],
  ]);
});

test('a file that is named is read whatever its name, and - is standard input', async () => {
  await writeFile(join(folder, 'policy'), 'x');
  expect(await read([join(folder, 'policy'), '-'], 'y')).toEqual([
    ['policy', 'x'],
    ['standard input', 'y'],
  ]);
});

test('what is not there, or too much, is refused with its name', async () => {
  await expect(read([join(folder, 'gone.yaml')])).rejects.toThrow('gone.yaml');
  await expect(read(['-'], 'x'.repeat(limits.policyBodyBytes + 1))).rejects.toMatchObject({ code: 'too_large' });
});
