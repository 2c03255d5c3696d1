import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { pathToFileURL } from 'node:url';
import { createAuthority, generateKeyPem, openAuthority, publicKeyOf } from '@netport/pki';
import {
  formatSpiffeId,
  type IdentityKind,
  limits,
  type Name,
  NetportError,
  type TrustDomain,
} from '@netport/protocol';
import fc from 'fast-check';
import { Registry } from 'prom-client';
import { describe, expect, it, onTestFinished } from 'vitest';
import { connectControl } from './control-connection.js';
import { backoff } from './control-session.js';
import { openDataDirectory, queryStatus } from './data-directory.js';
import { parseListenAddress, serveMetrics } from './metrics.js';

async function newPath(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'netport-runtime-'));
  onTestFinished(() => rm(path, { recursive: true }));
  return path;
}

describe('data directory', () => {
  it('keeps files with mode 0600 and replaces them whole', async () => {
    const directory = await openDataDirectory(join(await newPath(), 'below'));
    expect(await directory.read('key.pem')).toBeUndefined();
    await directory.write('key.pem', 'one');
    await directory.write('key.pem', 'two');
    expect(await directory.read('key.pem')).toBe('two');
    expect((await stat(join(directory.path, 'key.pem'))).mode & 0o777).toBe(0o600);
    expect((await stat(directory.path)).mode & 0o777).toBe(0o700);
    await directory.close();
  });

  it('is refused to a second process, answers status, and is free again after the first', async () => {
    const path = await newPath();
    const directory = await openDataDirectory(path);
    directory.onStatus(() => ({ name: 'laptop' }));
    await expect(openDataDirectory(path)).rejects.toMatchObject({ code: 'data_directory_locked' });
    expect(await queryStatus(path)).toEqual({ name: 'laptop' });
    await directory.close();
    await expect(queryStatus(path)).rejects.toMatchObject({ code: 'unavailable' });
    await (await openDataDirectory(path)).close();
  });

  it('is free again after its process was killed', async () => {
    const path = await newPath();
    const module = pathToFileURL(join(import.meta.dirname, '../dist/index.js')).href;
    const code = `import { openDataDirectory } from ${JSON.stringify(module)};
      await openDataDirectory(${JSON.stringify(path)}); setInterval(() => {}, 1000); console.log('held');`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    await expect(openDataDirectory(path)).rejects.toMatchObject({ code: 'data_directory_locked' });
    child.kill('SIGKILL');
    await once(child, 'exit');
    await (await openDataDirectory(path)).close();
  });

  it('works below a path that is too long for a socket', async () => {
    const path = join(await newPath(), 'x'.repeat(90), 'y'.repeat(90));
    const directory = await openDataDirectory(path);
    directory.onStatus(() => 'here');
    expect(await queryStatus(path)).toBe('here');
    await directory.close();
  });

  it('says so when it cannot be written', async () => {
    const path = join(await newPath(), 'file');
    await writeFile(path, '');
    for (const wrong of [path, join(path, 'below'), '/proc/below']) {
      await expect(openDataDirectory(wrong)).rejects.toMatchObject({ code: 'data_directory_unwritable' });
    }
  });
});

it('listen addresses are HOST:PORT', () => {
  expect(parseListenAddress('0.0.0.0:8443')).toEqual({ host: '0.0.0.0', port: 8443 });
  expect(parseListenAddress('[::1]:0')).toEqual({ host: '::1', port: 0 });
  for (const wrong of ['8443', '::1:80', 'host:', 'host:70000', '[::1]']) {
    expect(() => parseListenAddress(wrong)).toThrow(/HOST:PORT/);
  }
});

it('the back-off stays within its bounds and grows to its maximum', () => {
  fc.assert(
    fc.property(fc.nat(10_000), fc.double({ min: 0, max: 1, noNaN: true }), (attempt, random) => {
      const delay = backoff(attempt, () => random);
      expect(delay).toBeGreaterThanOrEqual(0);
      expect(delay).toBeLessThanOrEqual(limits.backoffMax);
    }),
  );
  expect(backoff(0, () => 1)).toBe(limits.backoffBase);
  expect(backoff(1000, () => 1)).toBe(limits.backoffMax);
});

/** A TLS server with a certificate of its kind; resolves with what a client makes of it that believes in that CA, or another. */
async function meetServer({ kind = 'control' as IdentityKind, then = new Date(), trusted = true }): Promise<unknown> {
  const trustDomain = 'test.internal' as TrustDomain;
  const [material, other] = [
    await createAuthority({ trustDomain, now: then }),
    await createAuthority({ trustDomain, now: then }),
  ];
  const authority = await openAuthority(material);
  const keyPem = generateKeyPem();
  const id = formatSpiffeId({ trustDomain, kind, name: 'control' as Name });
  const { chainPem } = await authority.issue({ id, publicKey: publicKeyOf(keyPem), now: then });
  const server = createServer({ key: keyPem, cert: chainPem }).listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const trust = { rootPems: [(trusted ? material : other).rootPem] };
  return connectControl({ url, trust, trustDomain }).then(
    (socket) => socket.destroy(),
    (error) => error,
  );
}

it.each([
  ['of another CA', 'cert_untrusted', { trusted: false }],
  ['that is not for a TLS server', 'cert_wrong_usage', { kind: 'relay' }],
  ['of a portal', 'cert_wrong_name', { kind: 'portal' }],
] as const)('portals and relays refuse a control server with a certificate %s: %s', async (_case, code, server) => {
  expect(await meetServer(server)).toMatchObject({ code });
});

it.each([
  ['cert_not_yet_valid', new Date(Date.now() + 30 * 86_400_000)],
  ['cert_expired', new Date(Date.now() - 30 * 86_400_000)],
])('a control server whose clock is far off is refused with %s, and the help names the clocks', async (code, then) => {
  expect(await meetServer({ then })).toMatchObject({ code, help: expect.stringContaining('clock') });
});

it('metrics and health are served, and only they', async () => {
  let ready = false;
  const metrics = await serveMetrics({
    address: '127.0.0.1:0',
    registry: new Registry(),
    ready: () => {
      if (!ready) throw new NetportError('unavailable', 'no policy is in force yet');
    },
  });
  expect((await fetch(metrics.url)).status).toBe(200);
  expect((await fetch(metrics.url.replace('/metrics', '/healthz'))).status).toBe(200);
  const readiness = metrics.url.replace('/metrics', '/readyz');
  const refusal = await fetch(readiness);
  expect([refusal.status, await refusal.text()]).toEqual([503, 'unavailable: no policy is in force yet\n']);
  ready = true;
  expect((await fetch(readiness)).status).toBe(200);
  expect((await fetch(metrics.url.replace('/metrics', '/'))).status).toBe(404);
  await metrics.close();
});
