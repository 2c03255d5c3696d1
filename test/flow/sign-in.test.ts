import { join } from 'node:path';
import type { AuditEventView, NewApiToken } from '@netport/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Overlay, runCommand, scripts } from '../harness/index.js';

describe('who logs in with an API token with scopes', () => {
  let overlay: Overlay;
  let home: string;
  /** As somebody who has logged in: with nothing in the environment. */
  const netport = (...args: string[]) =>
    runCommand({ name: 'netport', script: scripts.cli, args, env: { HOME: home, XDG_CONFIG_HOME: home } });

  beforeAll(async () => {
    overlay = await Overlay.start({ relays: [], portals: [] });
    home = join(overlay.directory, 'home');
    for (const name of ['a', 'b']) await overlay.cli(['portal', 'add', name]);
    await overlay.admin(['pair', 'add', 'theirs', '--from', 'a:127.0.0.1:8081', '--to', 'b:127.0.0.1:80']);
    const scopes = ['pair.add', 'pair.*:own', '*.list'].flatMap((scope) => ['--scope', scope]);
    const { token } = await overlay.cli<NewApiToken>(['token', 'add', 'ci', '--role', 'operator', ...scopes]);
    const login = await netport('login', overlay.url, '--ca', overlay.rootFile, '--token', token);
    expect(login).toMatchObject({ code: 0, stdout: expect.stringContaining('as token:ci, operator') });
  });
  afterAll(() => overlay?.stop());

  it('does what they allow, to his own access pairs', async () => {
    for (const args of [
      ['portal', 'ls'],
      ['pair', 'add', 'mine', '--from', 'a:127.0.0.1:8080', '--to', 'b:127.0.0.1:80'],
      ['pair', 'disable', 'mine'],
      ['pair', 'rm', 'mine'],
    ]) {
      expect(await netport(...args)).toMatchObject({ code: 0, stderr: '' });
    }
  });

  it.each([
    ['this takes the scope portal.add', ['portal', 'add', 'c']],
    ['this takes the scope pair.remove', ['pair', 'rm', 'theirs']],
    ['this takes the scope policy.apply', ['apply', '--yes', '-f', '/dev/null']],
    ['this takes the role admin', ['token', 'add', 'more', '--role', 'admin']],
  ])('is told “%s”, and it is written down', async (missing, args) => {
    const { code, stderr } = await netport(...args);
    expect([code, stderr]).toEqual([1, expect.stringContaining(missing)]);
    const [event] = await overlay.cli<AuditEventView[]>(['audit', '--action', 'api.deny', '--limit', '1']);
    expect(event).toMatchObject({ actor: 'token:ci', code: 'forbidden' });
    expect(event?.detail.message).toContain(missing);
  });
});
