// Brings a fresh clone to the point where everything can run: installs what is missing, then builds. Needs Node and npm only.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..');

/** Runs a command in the repository; ends this process with its exit code when it fails. */
export function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}

/** Installs the locked dependencies, unless exactly this lock file was installed here before. */
export function install() {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  const mark = join(root, 'node_modules', '.netport-installed');
  if (existsSync(mark) && readFileSync(mark, 'utf8') === lock) return;
  console.error('installing dependencies …');
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  writeFileSync(mark, lock);
}

export function build() {
  console.error('building …');
  run(process.execPath, [turbo, 'run', 'build', '--output-logs=errors-only', '--log-order=grouped'], {
    env: turboEnvironment,
  });
}

export const turbo = join(root, 'node_modules', 'turbo', 'bin', 'turbo');
export const turboEnvironment = { ...process.env, TURBO_TELEMETRY_DISABLED: '1', DO_NOT_TRACK: '1' };

export function prepare() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    console.error(`Netport needs Node 20.19 or newer; this is ${process.version}.`);
    process.exit(1);
  }
  install();
  build();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) prepare();
