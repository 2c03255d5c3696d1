import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { limits } from '@netport/protocol';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openSocket, startTestServer, type TestServer } from '../test/harness.js';
import { securityHeaders } from './security-headers.js';

let server: TestServer;
let directory: string;
beforeAll(async () => {
  server = await startTestServer();
  directory = await mkdtemp(join(tmpdir(), 'netport-tls-'));
  await writeFile(join(directory, 'root.pem'), server.rootPem);
});
afterAll(async () => {
  await server.stop();
  await rm(directory, { recursive: true });
});

/** What `openssl s_client` says, of a connection into which `input` is typed once it stands. */
function sClient(args: readonly string[], input = 'Q\n'): Promise<string> {
  const command = ['s_client', '-connect', new URL(server.url).host, '-CAfile', join(directory, 'root.pem'), ...args];
  const child = spawn('openssl', command);
  let text = '';
  let asked = false;
  const hear = (chunk: Buffer): void => {
    text += chunk;
    if (asked || !text.includes('Verify return code')) return;
    asked = true;
    child.stdin.write(input);
  };
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  child.stdin.on('error', () => {});
  return new Promise((resolve) => child.on('close', () => resolve(text)));
}

it('a client cannot renegotiate', async () => {
  const text = await sClient(['-tls1_2'], 'R\n');
  expect(text).toContain('RENEGOTIATING');
  expect(text).toMatch(/no renegotiation|no_renegotiation/);
});

it.each(['-tls1_2', '-tls1_3'])('no session is resumed with %s', async (version) => {
  const file = join(directory, `session${version}`);
  expect(await sClient([version, '-sess_out', file])).toContain('New, TLS');
  const second = await sClient([version, '-sess_in', file]);
  expect(second).not.toContain('Reused');
});

it.each([
  ['TLS 1.1', ['-tls1_1', '-cipher', 'ALL:@SECLEVEL=0']],
  ['a suite without forward secrecy', ['-tls1_2', '-cipher', 'AES128-GCM-SHA256:AES128-SHA:@SECLEVEL=0']],
  ['a suite of CBC and HMAC', ['-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384:@SECLEVEL=0']],
])('%s is refused', async (_what, args) => {
  const text = await sClient(args);
  expect(text).toContain('Cipher is (NONE)');
  expect(text).toMatch(/alert (handshake failure|protocol version)/);
});

it('TLS 1.3 and 1.2 are spoken, with authenticated encryption', async () => {
  expect(await sClient(['-tls1_3'])).toContain('Cipher is TLS_AES_128_GCM_SHA256');
  expect(await sClient(['-tls1_2'])).toMatch(/Cipher is ECDHE-ECDSA-(AES|CHACHA)/);
});

it.each([
  ['GET', '/'],
  ['GET', '/healthz'],
  ['GET', '/crl.der'],
  ['GET', '/nothing'],
  ['GET', '/.well-known/est/cacerts'],
  ['POST', '/.well-known/est/simpleenroll'],
  ['GET', '/api/v1/portals'],
  ['GET', '/api/v1/openapi.json'],
  ['POST', '/api/v1/session'],
])('every answer has the headers that browsers heed: %s %s', async (method, path) => {
  const { headers, status } = await server.http(method, path);
  const { 'cache-control': caching, ...others } = securityHeaders;
  expect(headers).toMatchObject(others);
  expect(headers['cache-control']).toBe(path === '/' && status === 200 ? 'no-cache' : caching);
  expect(headers['content-security-policy']).not.toContain('unsafe');
  expect(headers['x-powered-by']).toBeUndefined();
});

it('what HTTP itself refuses has them, too', async () => {
  const { headers, status } = await server.http('GET', `/${'x'.repeat(limits.headerBytes)}`);
  expect([status, headers]).toEqual([431, expect.objectContaining(securityHeaders)]);
});

it('and so has a refused upgrade', async () => {
  const refused = await openSocket(server, {}).then(
    () => undefined,
    (error) => error,
  );
  expect(refused.headers).toMatchObject(securityHeaders);
});
