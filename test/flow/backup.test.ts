import { execFileSync } from 'node:child_process';
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { PairView, PortalView, RelayView } from '@netport/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dial, ending, exchange, freePort, Overlay, startEcho, type Target, waitFor } from '../harness/index.js';

/** The drill of docs/operations.md, "Backup and restore", with its commands. */
describe('a control server that is lost with its disk', () => {
  let overlay: Overlay;
  let target: Target;
  let backup: string;
  const ports = { kept: 0, later: 0, after: 0 };
  beforeAll(async () => {
    overlay = await Overlay.start();
    target = await startEcho();
    backup = join(overlay.directory, 'control.tar');
    for (const name of ['kept', 'later', 'after'] as const) ports[name] = await freePort();
    await grant('kept');
  });
  afterAll(async () => {
    await overlay?.stop();
    await target?.close();
  });

  const grant = (name: keyof typeof ports): Promise<PairView> =>
    overlay.addPair(name, `a:127.0.0.1:${ports[name]}`, `b:127.0.0.1:${target.port}`);
  const tar = (...args: string[]): unknown => execFileSync('tar', ['-C', overlay.directory, ...args]);

  async function everybody(): Promise<void> {
    await waitFor(
      'all to be online',
      async () => {
        const portals = await overlay.cli<PortalView[]>(['portal', 'ls']);
        const relays = await overlay.cli<RelayView[]>(['relay', 'ls']);
        return portals.length === 2 && relays.length === 1 && [...portals, ...relays].every(({ online }) => online);
      },
      60_000,
    );
  }

  it('comes back from its backup: identities, policy and running connections go on', async () => {
    // Its circuit is in the backup. One made later would be closed when its relay lists it to the restored server.
    const running = await dial(ports.kept);
    expect(await exchange(running, 'before')).toBe('before');
    await overlay.control.stop('SIGTERM');
    tar('-cpf', backup, 'control');
    await overlay.restartControl();
    await everybody();
    // What happens after the backup is lost with the disk; the portals, which have it in force, must let go of it.
    await grant('later');
    for (const change of ['disable', 'enable', 'disable', 'enable']) await overlay.admin(['pair', change, 'later']);
    await overlay.pairState('later', 'active');
    const lost = await dial(ports.later);
    expect(await exchange(lost, 'granted after the backup')).toBe('granted after the backup');
    const cut = ending(lost);
    const root = await readFile(overlay.rootFile, 'utf8');

    await overlay.control.stop('SIGKILL');
    await rm(join(overlay.directory, 'control'), { recursive: true });
    expect(await exchange(running, 'without a control server')).toBe('without a control server');

    tar('-xpf', backup);
    await overlay.restartControl();
    await everybody();
    expect(await readFile(overlay.rootFile, 'utf8')).toBe(root);
    for (const file of ['root-key.pem', 'issuer-key.pem', 'admin-token', 'netport.db']) {
      expect((await stat(join(overlay.directory, 'control', file))).mode & 0o077, file).toBe(0);
    }
    await overlay.pairState('kept', 'active');
    expect(await exchange(running, 'with the restored one')).toBe('with the restored one');
    expect(await cut, 'nobody has granted this any more').toBe('reset');
    const refused = await waitFor('its listener to be gone', () => dial(ports.later).then(() => false, String));
    expect(refused).toContain('ECONNREFUSED');
    const pairs = await overlay.cli<PairView[]>(['pair', 'ls']);
    expect(pairs.map(({ name }) => name)).toEqual(['kept']);

    await grant('after');
    const fresh = await dial(ports.after);
    expect(await exchange(fresh, 'granted after the restore')).toBe('granted after the restore');
    await overlay.admin(['audit', 'verify']);
    for (const socket of [running, fresh]) socket.destroy();
  });
});
