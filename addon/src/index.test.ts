import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadAddon } from './index.js';

let path: string;
let folder: URL;
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'an addon-'));
  folder = pathToFileURL(`${path}/`);
});
afterEach(() => rmSync(path, { recursive: true }));

it('says that nothing was built', () => {
  expect(loadAddon(folder, 'part.node')).toEqual({ reason: 'not built: run npm run build' });
});

it('gives the reason that the build left', () => {
  writeFileSync(join(path, 'unavailable.txt'), 'no make: install make');
  expect(loadAddon(folder, 'part.node')).toEqual({ reason: 'no make: install make' });
});

it('says why what was built cannot be loaded', () => {
  mkdirSync(join(path, 'Release'));
  writeFileSync(join(path, 'Release/part.node'), 'no shared object');
  expect(loadAddon(folder, 'part.node')).toMatchObject({ reason: expect.stringMatching(/^cannot be loaded: Error: /) });
});
