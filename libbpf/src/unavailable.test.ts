import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';

const here = fileURLToPath(new URL('..', import.meta.url));
const copy = mkdtempSync(join(tmpdir(), 'libbpf-'));
afterAll(() => rmSync(copy, { recursive: true }));

/** Runs Node in a copy of the built package, with only these commands to be found. */
function node(commands: string, ...args: string[]) {
  return spawnSync(process.execPath, args, { cwd: copy, encoding: 'utf8', env: { PATH: commands } });
}

const use = `
  const { unavailable, loadObject } = await import('./dist/index.js');
  console.log(unavailable);
  try { loadObject(new Uint8Array(8)); } catch (error) { console.log(error.name, error.code, error.message); }
`;

it('builds nothing without a compiler, succeeds, and says why', () => {
  for (const part of ['dist', 'build.mjs', 'package.json'])
    cpSync(join(here, part), join(copy, part), { recursive: true });
  mkdirSync(join(copy, 'node_modules/@netport'), { recursive: true });
  symlinkSync(join(here, '../addon'), join(copy, 'node_modules/@netport/addon'));
  expect(node('', '--input-type=module', '-e', use).stdout).toContain('not built: run npm run build');

  const built = node(join(copy, 'nothing'), 'build.mjs');
  expect(built).toMatchObject({ status: 0, stdout: '' });
  expect(built.stderr).toBe('libbpf: not built, BPF is unavailable: no C compiler (cc): install gcc\n');
  expect(node('', '--input-type=module', '-e', use).stdout.split('\n')).toEqual([
    'no C compiler (cc): install gcc',
    'LibbpfError ENOSYS libbpf is unavailable: no C compiler (cc): install gcc',
    '',
  ]);
});

it('names the first thing that is missing', () => {
  // Whatever is asked for its version by the build, and answers.
  const commands = join(copy, 'commands');
  mkdirSync(commands);
  for (const command of ['cc', 'g++']) symlinkSync('/bin/true', join(commands, command));
  expect(node(commands, 'build.mjs').stderr).toContain('no make: install make');
  symlinkSync('/bin/true', join(commands, 'make'));
  expect(node(commands, 'build.mjs').stderr).toContain('no pkg-config: install pkg-config');
});
