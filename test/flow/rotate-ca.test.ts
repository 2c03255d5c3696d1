import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AuthorityView, PortalView } from '@netport/protocol';
import { afterEach, expect, it } from 'vitest';
import { Overlay, runCommand, scripts, waitFor } from '../harness/index.js';

let overlay: Overlay;
afterEach(() => overlay?.stop());

/** What somebody who has logged in on a machine of his own gets: no file of the control server's is near. */
async function login(name: string) {
  const home = join(overlay.directory, name);
  await mkdir(home);
  const netport = (...args: string[]) =>
    runCommand({ name, script: scripts.cli, args, env: { XDG_CONFIG_HOME: home } });
  const { code, stderr } = await netport(
    ...['login', overlay.url, '--ca', overlay.rootFile, '--token-file', overlay.tokenFile],
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const roots = async (): Promise<number> => {
    const { ca } = JSON.parse(await readFile(join(home, 'netport/credentials.json'), 'utf8')) as { ca: string };
    return ca.split('BEGIN CERTIFICATE').length - 1;
  };
  return { netport, roots };
}

it('replaces the root CA in one go: every login goes on, also one that slept through it', async () => {
  overlay = await Overlay.start({ relays: [], portals: ['a', 'away'] });
  const stopping = overlay.portal('away').process.stop();
  const [ada, ben, eve] = await Promise.all([login('ada'), login('ben'), login('eve')]);
  await stopping;
  await waitFor('away to be seen offline', async () => {
    const portals = await overlay.cli<PortalView[]>(['portal', 'ls']);
    return portals.some(({ name, online }) => name === 'away' && !online);
  });

  const early = await ada.netport('cert', 'rotate-ca', '--wait', '--timeout', '1ms');
  expect(early).toMatchObject({ code: 1, stdout: expect.stringContaining('away (offline since ') });
  expect((await ben.netport('cert', 'rotate-ca', '--status')).stdout).toContain('This login trusts the new root, too');
  await overlay.portal('away').start();

  const { code, stdout } = await ada.netport('cert', 'rotate-ca', '--wait');
  expect(stdout).toContain('2 of 2 portals and relays have a certificate from the new root.\n');
  expect(stdout).toMatch(/Retired the old root CA.*\n.*The root CA is replaced\.\n$/);
  expect(code).toBe(0);
  expect([await ada.roots(), await ben.roots(), await eve.roots()]).toEqual([1, 2, 1]);

  const [listed, shown, woken] = await Promise.all([
    ada.netport('portal', 'ls'),
    ben.netport('cert', 'rotate-ca', '--status', '--json'),
    eve.netport('portal', 'ls'),
  ]);
  expect(listed).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(shown.stdout) as AuthorityView).toMatchObject({
    phase: 'stable',
    members: [
      { name: 'a', online: true, state: 'new' },
      { name: 'away', online: true, state: 'new' },
    ],
  });
  expect(await ben.roots()).toBe(1);
  const [root] = (JSON.parse(shown.stdout) as AuthorityView).roots;
  expect(woken).toEqual({
    code: 0,
    stdout: expect.stringContaining('away'),
    stderr: expect.stringContaining(
      `this login trusts ${root?.fingerprint}, which a root that it trusted has certified`,
    ),
  });
  expect(await eve.roots()).toBe(1);
  expect(await eve.netport('portal', 'ls')).toMatchObject({ code: 0, stderr: '' });
});
