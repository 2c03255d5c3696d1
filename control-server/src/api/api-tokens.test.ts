import { join } from 'node:path';
import { createClient } from '@libsql/client';
import { limits } from '@netport/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLive, startTestServer, type TestServer } from '../../test/harness.js';

let server: TestServer;
let now = new Date();
const later = (ms: number) => {
  now = new Date(now.getTime() + ms);
};
beforeAll(async () => {
  server = await startTestServer({ now: () => now });
});
afterAll(() => server.stop());

const add = async (body: unknown) => (await server.api('POST', '/api-tokens', body)).json;
const whoami = (token: string) =>
  server.http('GET', '/api/v1/whoami', { headers: { authorization: `Bearer ${token}` } });
const listed = async (name: string) =>
  (await server.api('GET', '/api-tokens')).json.items.find((item: { name: string }) => item.name === name);

test('a token has a name, a role and an end', async () => {
  const made = await add({ name: 'ci', role: 'operator', lifetimeSeconds: 60 });
  expect(made).toEqual({
    ...{ name: 'ci', role: 'operator', scopes: null, token: expect.stringMatching(/^npa_[\w-]{43}$/) },
    expiresAt: new Date(now.getTime() + 60_000).toISOString(),
  });
  expect((await whoami(made.token)).json).toMatchObject({ actor: 'token:ci', role: 'operator' });
  later(60_000);
  const { status, json } = await whoami(made.token);
  expect([status, json.code, json.detail]).toEqual([
    401,
    'unauthenticated',
    'the API token ci has expired: ask an admin for another',
  ]);
});

test('it lasts 90 days unless said otherwise, and a year at most', async () => {
  const { expiresAt } = await add({ name: 'usual', role: 'viewer' });
  expect(Date.parse(expiresAt) - now.getTime()).toBe(90 * 24 * 60 * 60 * 1000);
  const tooLong = { name: 'eternal', role: 'viewer', lifetimeSeconds: limits.apiTokenLifetimeMax / 1000 + 1 };
  expect(await add(tooLong)).toMatchObject({ code: 'invalid_request', errors: [{ path: 'lifetimeSeconds' }] });
  expect(await add({ name: 'usual', role: 'admin' })).toMatchObject({ code: 'already_exists' });
  expect(await add({ name: 'x', role: 'root' })).toMatchObject({ code: 'invalid_request', errors: [{ path: 'role' }] });
});

test('the list tells when it was used last, to the minute, and never the token', async () => {
  const { token } = await add({ name: 'used', role: 'viewer' });
  expect(await listed('used')).toMatchObject({ role: 'viewer', lastUsedAt: null });
  await whoami(token);
  const first = now.toISOString();
  later(limits.adminSessionSeen - 1);
  await whoami(token);
  expect(await listed('used')).toMatchObject({ lastUsedAt: first });
  later(1);
  await whoami(token);
  expect(await listed('used')).toMatchObject({ lastUsedAt: now.toISOString() });
  expect(JSON.stringify(await listed('used'))).not.toContain(token);
});

test('the database has no token, only its SHA-256', async () => {
  const { token } = await add({ name: 'hashed', role: 'viewer' });
  const client = createClient({ url: `file:${join(server.data, 'netport.db')}` });
  const { rows } = await client.execute('SELECT * FROM "ApiToken"');
  client.close();
  const kept = JSON.stringify(
    rows.map((row) => ({ ...row, hash: Buffer.from(row.hash as ArrayBuffer).toString('latin1') })),
  );
  expect(rows.length).toBeGreaterThan(1);
  expect(kept).not.toContain(token.slice(4));
});

test('one that is removed works no more, nor does what it opened', async () => {
  const { token } = await add({ name: 'short', role: 'viewer' });
  const stream = await openLive(server, { authorization: `Bearer ${token}` });
  const signedIn = await server.http('POST', '/api/v1/session', {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token }),
  });
  expect(signedIn.json).toMatchObject({ actor: 'token:short', role: 'viewer' });
  const cookie = /^[^;]+/.exec(String(signedIn.headers['set-cookie']))?.[0] ?? '';
  expect((await server.http('GET', '/api/v1/whoami', { headers: { cookie } })).json.role).toBe('viewer');

  expect((await server.api('DELETE', '/api-tokens/short')).status).toBe(200);
  expect((await whoami(token)).status).toBe(401);
  expect((await server.http('GET', '/api/v1/whoami', { headers: { cookie } })).status).toBe(401);
  await stream.ended();
  expect((await server.api('DELETE', '/api-tokens/short')).json.code).toBe('not_found');
});

test('the first token is an admin’s for ever', async () => {
  expect(await listed('admin')).toMatchObject({ role: 'admin', expiresAt: null });
  const { status, json } = await server.api('DELETE', '/api-tokens/admin');
  expect([status, json.code]).toEqual([400, 'invalid_request']);
  expect(json.detail).toMatch(/delete the file/);
  expect((await server.api('GET', '/whoami')).status).toBe(200);
});

test('a session ends with the token that opened it', async () => {
  const { token } = await add({ name: 'brief', role: 'viewer', lifetimeSeconds: 600 });
  const { headers } = await server.http('POST', '/api/v1/session', {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token }),
  });
  const cookie = /^[^;]+/.exec(String(headers['set-cookie']))?.[0] ?? '';
  later(599_999);
  expect((await server.http('GET', '/api/v1/whoami', { headers: { cookie } })).status).toBe(200);
  later(1);
  expect((await server.http('GET', '/api/v1/whoami', { headers: { cookie } })).status).toBe(401);
});
