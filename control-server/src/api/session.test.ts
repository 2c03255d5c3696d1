import { limits, sessionCookie } from '@netport/protocol';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../test/harness.js';
import { setSessionCookie } from './authentication.js';

let server: TestServer;
let now = new Date();
const later = (ms: number) => {
  now = new Date(now.getTime() + ms);
};
beforeAll(async () => {
  server = await startTestServer({ now: () => now });
});
// The limit on signing in starts anew.
beforeEach(() => later(60_000));
afterAll(() => server.stop());

const signIn = (token = server.token) =>
  server.http('POST', '/api/v1/session', {
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ token }),
  });
/** The cookie as a browser sends it back. */
async function newCookie(): Promise<string> {
  const { headers } = await signIn();
  return /^[^;]+/.exec(String(headers['set-cookie']))?.[0] ?? '';
}
const sameOrigin = { 'sec-fetch-site': 'same-origin' };
const ask = (method: string, path: string, headers: Record<string, string>, body?: unknown) =>
  server.http(method, `/api/v1${path}`, {
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });

test('a token is exchanged for a cookie that only this host, over TLS, and no script gets', async () => {
  const { status, json, headers } = await signIn();
  expect(status).toBe(201);
  expect(json).toEqual({
    actor: 'token:admin',
    role: 'admin',
    expiresAt: new Date(now.getTime() + limits.adminSessionLifetime).toISOString(),
  });
  expect(String(headers['set-cookie'])).toMatch(
    /^__Host-netport-session=[\w-]{43}; HttpOnly; Secure; SameSite=Strict; Path=\/; Max-Age=43200$/,
  );
  const { items } = (await server.api('GET', '/audit?action=admin.sign-in&limit=1')).json;
  expect(items).toMatchObject([{ actor: 'token:admin' }]);
});

test('the cookie is as good as the token, until one signs out', async () => {
  const cookie = await newCookie();
  expect((await ask('GET', '/whoami', { cookie })).json.actor).toBe('token:admin');
  expect((await ask('POST', '/portals', { cookie, ...sameOrigin }, { name: 'by-cookie' })).status).toBe(201);
  expect((await ask('GET', '/audit?action=portal.add&limit=1', { cookie })).json.items).toMatchObject([
    { actor: 'token:admin' },
  ]);

  const { status, headers } = await ask('DELETE', '/session', { cookie, ...sameOrigin });
  expect([status, headers['set-cookie']]).toEqual([200, [setSessionCookie()]]);
  expect((await ask('GET', '/whoami', { cookie })).json.code).toBe('unauthenticated');
});

test.each<[string, Record<string, string>]>([
  ['another site', { 'sec-fetch-site': 'cross-site' }],
  ['a sibling host', { 'sec-fetch-site': 'same-site' }],
  ['another origin', { origin: 'https://example.org' }],
  ['nobody knows where', {}],
])('a cookie changes nothing in a request from %s', async (_where, headers) => {
  const cookie = await newCookie();
  const { status, json } = await ask('POST', '/portals', { cookie, ...headers }, { name: 'forged' });
  expect([status, json.code]).toEqual([403, 'forbidden']);
  expect((await ask('DELETE', '/session', { cookie, ...headers })).status).toBe(403);
  expect((await ask('GET', '/portals/forged', { cookie })).status).toBe(404);
});

test('a browser without Fetch Metadata is known by its Origin', async () => {
  const cookie = await newCookie();
  const { host, origin } = new URL(server.url);
  expect((await ask('POST', '/portals', { cookie, host, origin }, { name: 'by-origin' })).status).toBe(201);
});

test('a session ends after an hour without use, and after twelve in any case', async () => {
  const idle = await newCookie();
  later(limits.adminSessionIdle);
  expect((await ask('GET', '/whoami', { cookie: idle })).status).toBe(401);

  const used = await newCookie();
  for (let at = 0; at < limits.adminSessionLifetime; at += limits.adminSessionIdle / 2) {
    expect((await ask('GET', '/whoami', { cookie: used })).status, `after ${at} ms`).toBe(200);
    later(limits.adminSessionIdle / 2);
  }
  expect((await ask('GET', '/whoami', { cookie: used })).status).toBe(401);
});

test('wrong tokens and made-up cookies are refused and written down', async () => {
  for (const token of ['', 'npa_x', `npa_${'A'.repeat(43)}`]) {
    const { status, json, headers } = await signIn(token);
    expect([status, json.code, headers['set-cookie']]).toEqual([401, 'unauthenticated', undefined]);
  }
  for (const secret of ['', 'x', 'A'.repeat(43), 'ä;b=c']) {
    const cookie = Buffer.from(`${sessionCookie}=${secret}`).toString('latin1');
    expect((await ask('GET', '/whoami', { cookie })).status).toBe(401);
  }
  const { items } = (await server.api('GET', '/audit?action=api.deny&limit=7')).json;
  expect(items.at(-1)).toMatchObject({ actor: 'anonymous', subject: 'POST /api/v1/session' });
});

test('one address may try to sign in only so often', async () => {
  for (let i = 0; i < limits.signInsPerMinute; i++) expect((await signIn('npa_x')).status).toBe(401);
  const { status, json } = await signIn();
  expect([status, json.code]).toEqual([429, 'rate_limited']);
  later(60_000);
  expect((await signIn()).status).toBe(201);
});

test('a stranger’s body is small', async () => {
  const { status, json } = await signIn('x'.repeat(limits.signInBytes));
  expect([status, json.code]).toEqual([413, 'too_large']);
});
