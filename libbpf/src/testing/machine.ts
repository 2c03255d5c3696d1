import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unavailable } from '../index.js';

const works = (command: string, ...args: string[]) => spawnSync(command, args, { stdio: 'ignore' }).status === 0;

/** Why tests that load programs cannot run here, or undefined. */
export const lack: string | undefined = (() => {
  if (unavailable) return `libbpf: ${unavailable}`;
  if (process.getuid?.() !== 0) return 'not root';
  if (!works('clang', '--version')) return 'no clang';
  return undefined;
})();

/** The same for tests with network namespaces. */
export const lackNamespaces: string | undefined =
  lack ?? (works('ip', 'netns', 'list') ? undefined : 'no iproute2 with network namespaces');

/** A test's name with the reason why it is skipped, if it is. */
export const titled = (name: string, reason: string | undefined) => (reason ? `${name} (skipped: ${reason})` : name);

/** Compiles `NAME.bpf.c` of this folder; returns the object file's path. */
export function compile(name: string): string {
  const output = join(mkdtempSync(join(tmpdir(), 'libbpf-')), `${name}.o`);
  const source = fileURLToPath(new URL(`${name}.bpf.c`, import.meta.url));
  // Debian keeps <asm/types.h> of each architecture apart, and clang does not look there for the bpf target.
  const machine = execFileSync('uname', ['-m'], { encoding: 'utf8' }).trim();
  execFileSync('clang', [
    '-O2',
    '-g',
    '-target',
    'bpf',
    `-I/usr/include/${machine}-linux-gnu`,
    '-c',
    source,
    '-o',
    output,
  ]);
  return output;
}
