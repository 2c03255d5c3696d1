import { execFile, spawnSync } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { NewToken } from '@netport/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort, type RunningProcess, root, runCommand, startProcess } from '../harness/index.js';

const nobody = 65532;
const reason =
  process.getuid?.() !== 0 || spawnSync('setpriv', ['--version']).error
    ? ' (skipped: it takes root and setpriv to become nobody)'
    : '';

describe('what scripts/pack.mjs makes, which is all that a container has', () => {
  let directory: string;
  let tree: string;
  const processes: RunningProcess[] = [];
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'netport-pack-'));
    await chmod(directory, 0o755);
    tree = join(directory, 'opt');
    const pack = ['scripts/pack.mjs', tree, 'control-server', 'relay', 'portal', 'cli'];
    await promisify(execFile)(process.execPath, pack, { cwd: root });
  }, 300_000);
  afterAll(async () => {
    for (const process of processes) await process.stop('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  });

  /** A directory that belongs to nobody, as a container's volume does. */
  async function volume(name: string): Promise<string> {
    const path = join(directory, name);
    await mkdir(path, { mode: 0o700 });
    await chown(path, nobody, nobody);
    return path;
  }

  /** Starts a role of the tree as nobody, without a capability and without a way to get one. */
  function start(name: string, script: string, args: readonly string[]): RunningProcess {
    const process = startProcess({ name, script: join(tree, script), args, as: nobody });
    processes.push(process);
    return process;
  }

  it('has no sources, no compiler and nothing of the tests', async () => {
    const files = await readdir(tree, { recursive: true });
    const own = files.filter((path) => !path.includes('node_modules/'));
    expect(own.filter((path) => /\.(tsx?|c|h|gyp|map|test\.js)$|\/testing(\/|$)/.test(path))).toEqual([]);
    for (const tool of ['typescript', 'vite', 'vitest', 'turbo', 'node-gyp', 'playwright-core', '@biomejs']) {
      expect(files, tool).not.toContain(join('node_modules', tool));
    }
  });

  it.skipIf(reason)(`runs as nobody: a relay and a portal join a control server${reason}`, async () => {
    const url = `https://127.0.0.1:${await freePort()}`;
    const data = join(await volume('control'), 'data');
    const listen = ['--listen', new URL(url).host, '--public-url', url];
    const control = start('control', 'control-server/bin/netport-control.mjs', ['run', '--data', data, ...listen]);
    await control.waitForLog('listening');
    for (const kind of ['relay', 'portal'] as const) {
      const member = await netport<NewToken>(data, url, [kind, 'add', 'one', '--json']);
      const options = kind === 'relay' ? ['--address', '127.0.0.1', '--ports', '19300-19339'] : [];
      const args = ['run', '--data', await volume(kind), '--join', member.token, ...options];
      const process = start(kind, `${kind}/bin/netport-${kind}.mjs`, args);
      await process.waitForLog('online');
      expect(await process.stop('SIGTERM'), kind).toBe(0);
    }
  });

  async function netport<T>(data: string, url: string, args: readonly string[]): Promise<T> {
    const env = {
      NETPORT_URL: url,
      NETPORT_CA: join(data, 'root.pem'),
      NETPORT_TOKEN: (await readFile(join(data, 'admin-token'), 'utf8')).trim(),
    };
    const { stdout, stderr, code } = await runCommand({
      name: 'netport',
      script: join(tree, 'cli/bin/netport.mjs'),
      args,
      env,
    });
    expect(code, stderr).toBe(0);
    return JSON.parse(stdout) as T;
  }
});
