// What native parts need of a machine, and how an addon is compiled. A part that cannot be built says why in one line and
// the build succeeds: everything else of a checkout works without it.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const works = (command, ...args) => spawnSync(command, args, { stdio: 'ignore' }).status === 0;

/** Each tells why something is missing here, or nothing. */
export const needs = {
  linux: () => (process.platform === 'linux' ? undefined : `it needs Linux, this is ${process.platform}`),
  cc: () => (works(process.env.CC ?? 'cc', '--version') ? undefined : 'no C compiler (cc): install gcc'),
  linker: () => (works(process.env.CXX ?? 'g++', '--version') ? undefined : 'no linker driver (g++): install g++'),
  make: () => (works('make', '--version') ? undefined : 'no make: install make'),
  clang: () => (works('clang', '--version') ? undefined : 'no clang: install clang'),
  libbpf: () => {
    if (!works('pkg-config', '--version')) return 'no pkg-config: install pkg-config';
    if (works('pkg-config', '--atleast-version=1.0', 'libbpf')) return undefined;
    return 'no libbpf 1.0 or newer: install libbpf-dev';
  },
};

/** What an addon in C needs, in the order in which it is reported. */
export const addonNeeds = [needs.linux, needs.cc, needs.linker, needs.make];

/** The first of these needs that is not met, as a reason, or undefined. */
export function lack(wanted) {
  for (const need of wanted) {
    const reason = need();
    if (reason) return reason;
  }
  return undefined;
}

/** Runs node-gyp in a folder with a binding.gyp; returns what it failed with, or undefined. */
export function compileAddon(folder) {
  // Distributions ship Node's headers beside Node; without them node-gyp downloads them, where it can.
  const prefix = dirname(dirname(realpathSync(process.execPath)));
  const headers = existsSync(join(prefix, 'include', 'node', 'node_api.h')) ? [`--nodedir=${prefix}`] : [];
  const gyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [gyp, 'configure', 'build', '--loglevel=error', ...headers],
    { cwd: folder, encoding: 'utf8' },
  );
  if (status === 0) return undefined;
  const lines = `${stdout}\n${stderr}`.split('\n');
  return `node-gyp: ${(lines.find((line) => /\berror\b/i.test(line)) ?? `exit code ${status}`).trim()}`;
}

/**
 * Leaves in `folder` (of build output) either what was built, or only unavailable.txt with the reason; warns in one line,
 * which begins with `warning`.
 */
export function record(folder, reason, warning) {
  const file = join(folder, 'unavailable.txt');
  rmSync(file, { force: true });
  if (!reason) return;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, reason);
  console.warn(`${warning}: ${reason}`);
}
