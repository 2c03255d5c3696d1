import { spawnSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { limits } from '@netport/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root, scripts } from '../harness/index.js';

const noSystemd = spawnSync('systemd-analyze', ['--version']).error ? ' (skipped: there is no systemd-analyze)' : '';
const folder = join(root, 'deploy/systemd');

/** Exposure as `systemd-analyze security` counts it, in tenths: 100 is a unit that restricts nothing. */
const units = [
  { role: 'control', dropIn: undefined, exposure: 17, capabilities: ['CAP_NET_BIND_SERVICE'] },
  {
    role: 'relay',
    dropIn: undefined,
    exposure: 21,
    capabilities: ['CAP_BPF', 'CAP_NET_ADMIN', 'CAP_NET_RAW', 'CAP_PERFMON'],
  },
  { role: 'relay', dropIn: 'userspace.conf', exposure: 15, capabilities: [] },
  { role: 'portal', dropIn: undefined, exposure: 15, capabilities: [] },
  { role: 'portal', dropIn: 'gateway.conf', exposure: 17, capabilities: ['CAP_NET_BIND_SERVICE'] },
] as const;

describe('systemd units', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'netport-units-'));
  });
  afterAll(() => rm(directory, { recursive: true, force: true }));

  /** A copy whose programs are those of this checkout: systemd wants to find them. */
  async function install({ role, dropIn }: (typeof units)[number]): Promise<string> {
    const name = `netport-${role}.service`;
    const place = join(directory, `${role}-${dropIn ?? 'plain'}`);
    const path = join(place, name);
    await mkdir(dirname(path), { recursive: true });
    const text = await readFile(join(folder, name), 'utf8');
    await writeFile(path, text.replace(`/usr/bin/netport-${role}`, scripts[role]));
    if (dropIn) {
      await mkdir(`${path}.d`);
      await copyFile(join(folder, `${name}.d`, dropIn), join(`${path}.d`, dropIn));
    }
    return path;
  }

  for (const unit of units) {
    const name = `netport-${unit.role}.service${unit.dropIn ? ` with ${unit.dropIn}` : ''}`;

    it.skipIf(noSystemd)(`${name} is what systemd understands, and as closed as it was${noSystemd}`, async () => {
      const path = await install(unit);
      const verify = spawnSync('systemd-analyze', ['verify', '--man=no', path], { encoding: 'utf8' });
      expect(verify.stdout + verify.stderr).toBe('');
      expect(verify.status).toBe(0);

      const limit = `--threshold=${unit.exposure}`;
      const security = spawnSync('systemd-analyze', ['security', '--offline=true', '--no-pager', limit, path], {
        encoding: 'utf8',
      });
      expect(security.status, security.stdout + security.stderr).toBe(0);
    });

    it(`${name} has just the capabilities that it needs`, async () => {
      const plain = await readFile(join(folder, `netport-${unit.role}.service`), 'utf8');
      const added = unit.dropIn
        ? await readFile(join(folder, `netport-${unit.role}.service.d`, unit.dropIn), 'utf8')
        : '';
      for (const setting of ['AmbientCapabilities', 'CapabilityBoundingSet']) {
        const last = [...`${plain}\n${added}`.matchAll(new RegExp(`^${setting}=(.*)$`, 'gm'))].at(-1)?.[1] ?? '';
        expect(last.split(' ').filter(Boolean).sort(), setting).toEqual(unit.capabilities);
      }
    });
  }

  it('stops no role before its grace is over', async () => {
    for (const role of ['control', 'relay', 'portal']) {
      const text = await readFile(join(folder, `netport-${role}.service`), 'utf8');
      const seconds = Number(/^TimeoutStopSec=(\d+)$/m.exec(text)?.[1]);
      expect(seconds * 1000, role).toBeGreaterThan(limits.drainGrace);
    }
  });
});
