import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';

const here = fileURLToPath(new URL('..', import.meta.url));
const copy = mkdtempSync(join(tmpdir(), 'dataplane-'));
afterAll(() => rmSync(copy, { recursive: true }));

/** Runs Node in a copy of the built package, with no command to be found. */
function node(...args: string[]) {
  return spawnSync(process.execPath, args, { cwd: copy, encoding: 'utf8', env: { PATH: join(copy, 'nothing') } });
}

const use = `
  const { unavailable, openUdpSocket } = await import('./dist/index.js');
  console.log(unavailable);
  try { openUdpSocket({ address: '127.0.0.1', port: 9 }); } catch (error) { console.log(error.code, error.message); }
`;

it('builds nothing without a compiler, succeeds, and says why', () => {
  for (const part of ['dist', 'build.mjs', 'package.json'])
    cpSync(join(here, part), join(copy, part), { recursive: true });
  mkdirSync(join(copy, 'node_modules/@netport'), { recursive: true });
  symlinkSync(join(here, '../addon'), join(copy, 'node_modules/@netport/addon'));
  expect(node('--input-type=module', '-e', use).stdout).toContain('not built: run npm run build');

  const built = node('build.mjs');
  expect(built).toMatchObject({ status: 0, stdout: '' });
  const reason = 'no C compiler (cc): install gcc';
  expect(built.stderr).toBe(`dataplane: not built, UDP goes through node:dgram: ${reason}\n`);
  expect(node('--input-type=module', '-e', use).stdout.split('\n')).toEqual([
    reason,
    `ENOSYS batched UDP is unavailable: ${reason}`,
    '',
  ]);
});
