import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { AuditEventView, NewToken } from '@netport/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  dial,
  ending,
  exchange,
  freePort,
  Overlay,
  runCommand,
  scripts,
  startEcho,
  startSilent,
  startTarget,
  type Target,
  waitFor,
} from '../harness/index.js';

describe('bad input costs nobody else anything', () => {
  let overlay: Overlay;
  let target: Target;
  let port: number;
  beforeAll(async () => {
    overlay = await Overlay.start();
    target = await startEcho();
    port = await freePort();
    await overlay.addPair('good', `a:127.0.0.1:${port}`, `b:127.0.0.1:${target.port}`);
  });
  afterAll(async () => {
    await overlay?.stop();
    await target?.close();
  });

  /** The audit events of failed streams with a code, once there is one. */
  const failures = (code: string): Promise<AuditEventView[]> =>
    waitFor(`an audit event ${code}`, async () => {
      const events = await overlay.cli<AuditEventView[]>(['audit', '--action', 'stream.failed']);
      const found = events.filter((event) => event.code === code);
      return found.length > 0 && found;
    });

  it('a listener port that is taken is reported, retried, and leaves other pairs alone', async () => {
    const squatter = createServer();
    squatter.listen(0, '127.0.0.1');
    await once(squatter, 'listening');
    const taken = (squatter.address() as { port: number }).port;
    await overlay.admin([
      'pair',
      'add',
      'taken',
      '--from',
      `a:127.0.0.1:${taken}`,
      '--to',
      `b:127.0.0.1:${target.port}`,
    ]);
    const pair = await overlay.pairState('taken', 'listener_failed');
    expect(pair.error).toMatchObject({ code: 'address_in_use', message: expect.stringContaining(String(taken)) });
    expect((await overlay.tryCli(['pair', 'ls'])).stdout).toMatch(/taken.*listener_failed/);
    expect(await exchange(await dial(port), 'other pair')).toBe('other pair');
    await new Promise((resolve) => squatter.close(resolve));
    await overlay.pairState('taken', 'active');
    expect(await exchange(await dial(taken), 'free now')).toBe('free now');
  });

  it.each([
    ['refused', async () => `127.0.0.1:${await freePort()}`, 'connect_refused'],
    ['unresolvable', async () => 'no-such-name.invalid:80', 'dns_failed'],
    ['no-socket', async () => 'unix:/nowhere/app.sock', 'connect_refused'],
  ])('a target that is %s closes the connection at once, with its code in log and audit', async (name, to, code) => {
    const listener = await freePort();
    await overlay.addPair(name, `a:127.0.0.1:${listener}`, `b:${await to()}`);
    expect(await ending(await dial(listener))).toBe('reset');
    expect(await failures(code)).not.toHaveLength(0);
    await overlay.portal('b').process.waitForLog((line) => line.code === code);
    expect(await exchange(await dial(port), 'still fine')).toBe('still fine');
  });

  it('a target that never answers is given up with connect_timeout', async () => {
    const silent = await startSilent();
    const listener = await freePort();
    await overlay.addPair('silent', `a:127.0.0.1:${listener}`, `b:127.0.0.1:${silent.port}`);
    expect(await ending(await dial(listener))).toBe('reset');
    await overlay.portal('b').process.waitForLog((line) => line.code === 'connect_timeout');
    const events = await failures('connect_timeout');
    expect(events[0]?.detail).toMatchObject({ message: expect.stringContaining(String(silent.port)) });
    await silent.stop();
  });

  it('a target that accepts and says nothing keeps its connection', async () => {
    const mute = await startTarget(() => {});
    const listener = await freePort();
    await overlay.addPair('mute', `a:127.0.0.1:${listener}`, `b:127.0.0.1:${mute.port}`);
    const socket = await dial(listener);
    await waitFor('the connection at the target', () => mute.connections.length === 1);
    expect(socket.destroyed).toBe(false);
    socket.destroy();
    await mute.close();
  });

  const run = (script: keyof typeof scripts, ...args: string[]) =>
    runCommand({ name: script, script: scripts[script], args });

  it('a second process on a data directory is told so, for all three roles', async () => {
    const portal = await run('portal', 'run', '--data', overlay.portal('a').directory);
    const relay = await run('relay', 'run', '--data', overlay.relay('relay-1').directory);
    const control = await run(
      'control',
      'run',
      '--data',
      join(overlay.directory, 'control'),
      '--listen',
      '127.0.0.1:0',
    );
    for (const { code, stderr } of [portal, relay, control]) {
      expect(code).toBe(1);
      expect(stderr).toContain('data_directory_locked');
    }
  });

  it('a data directory that cannot be written is named', async () => {
    const file = join(overlay.directory, 'a-file');
    await writeFile(file, '');
    for (const role of ['portal', 'relay', 'control'] as const) {
      const { code, stderr } = await run(role, 'run', '--data', join(file, 'below'));
      expect(code).toBe(1);
      expect(stderr).toContain('data_directory_unwritable');
      expect(stderr).toContain(file);
    }
  });

  it('join tokens work once, whole, and for their kind', async () => {
    const { token } = await overlay.cli<NewToken>(['portal', 'add', 'extra']);
    const enroll = (text: string, name: string) =>
      run('portal', 'enroll', text, '--data', join(overlay.directory, name));
    expect((await enroll(token.slice(0, -9), 'x0')).stderr).toContain('token_invalid');
    expect((await enroll('nonsense', 'x1')).stderr).toContain('token_invalid');
    expect((await enroll(token, 'x2')).code).toBe(0);
    const again = await enroll(token, 'x3');
    expect(again.code).toBe(1);
    expect(again.stderr).toContain('token_used');
    expect(again.stderr).not.toContain(token.slice(8, 40));
  });

  it('a root CA other than the one in the token is not believed', async () => {
    const other = await Overlay.start({ relays: [], portals: [] });
    try {
      const { token } = await overlay.cli<NewToken>(['portal', 'token', 'extra']);
      const text = Buffer.from(token.slice('npj1_'.length), 'base64url').toString();
      const redirected = `npj1_${Buffer.from(text.replace(overlay.url, other.url)).toString('base64url')}`;
      const result = await run('portal', 'enroll', redirected, '--data', join(overlay.directory, 'x4'));
      expect(result.code).toBe(1);
      expect(result.stderr).toContain('cert_untrusted');
    } finally {
      await other.stop();
    }
  });

  it('usage errors end with 2 and say what would be right', async () => {
    for (const script of Object.keys(scripts) as (keyof typeof scripts)[]) {
      expect((await run(script, '--no-such-option')).code, script).toBe(2);
      expect((await run(script, '--help')).code, script).toBe(0);
      expect((await run(script, '--version')).code, script).toBe(0);
    }
    const pair = await overlay.tryCli(['pair', 'add', 'x', '--from', 'a:80', '--to', 'b:10.0.0.1:80']);
    expect(pair.code).toBe(2);
    expect(pair.stderr).toContain('PORTAL:ADDRESS:PORT');
    const taken = await overlay.tryCli([
      'pair',
      'add',
      'again',
      '--from',
      `a:127.0.0.1:${port}`,
      '--to',
      'b:10.0.0.1:80',
    ]);
    expect(taken.code).toBe(1);
    expect(taken.stderr).toMatch(/good/);
  });
});
