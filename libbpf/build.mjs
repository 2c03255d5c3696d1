// Builds the addon into build/. Where something is missing it says what in one line, keeps that for the module, and
// succeeds: everything else of a checkout works without BPF.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const works = (command, ...args) => spawnSync(command, args, { stdio: 'ignore' }).status === 0;

/** What the build needs and this machine lacks, or undefined. */
function lack() {
  if (process.platform !== 'linux') return `BPF needs Linux, this is ${process.platform}`;
  if (!works(process.env.CC ?? 'cc', '--version')) return 'no C compiler (cc): install gcc';
  if (!works(process.env.CXX ?? 'g++', '--version')) return 'no linker driver (g++): install g++';
  if (!works('make', '--version')) return 'no make: install make';
  if (!works('pkg-config', '--version')) return 'no pkg-config: install pkg-config';
  if (!works('pkg-config', '--atleast-version=1.0', 'libbpf')) return 'no libbpf 1.0 or newer: install libbpf-dev';
  return undefined;
}

/** Runs node-gyp; returns what it failed with, or undefined. */
function compile() {
  // Distributions ship Node's headers beside Node; without them node-gyp downloads them, where it can.
  const prefix = dirname(dirname(realpathSync(process.execPath)));
  const headers = existsSync(join(prefix, 'include', 'node', 'node_api.h')) ? [`--nodedir=${prefix}`] : [];
  const gyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [gyp, 'configure', 'build', '--loglevel=error', ...headers],
    { cwd: here, encoding: 'utf8' },
  );
  if (status === 0) return undefined;
  const lines = `${stdout}\n${stderr}`.split('\n');
  return `node-gyp: ${(lines.find((line) => /\berror\b/i.test(line)) ?? `exit code ${status}`).trim()}`;
}

const reasonFile = join(here, 'build', 'unavailable.txt');
rmSync(reasonFile, { force: true });
const reason = lack() ?? compile();
if (reason) {
  rmSync(join(here, 'build'), { recursive: true, force: true });
  mkdirSync(dirname(reasonFile));
  writeFileSync(reasonFile, reason);
  console.warn(`libbpf: not built, BPF is unavailable: ${reason}`);
}
