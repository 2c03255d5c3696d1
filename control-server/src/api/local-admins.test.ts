import { join } from 'node:path';
import { createClient } from '@libsql/client';
import { limits } from '@netport/protocol';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../test/harness.js';

let server: TestServer;
let now = new Date();
const later = (ms: number) => {
  now = new Date(now.getTime() + ms);
};
beforeAll(async () => {
  server = await startTestServer({ now: () => now });
});
// The limits on signing in start anew.
beforeEach(() => later(limits.lockOutForget));
afterAll(() => server.stop());

const password = 'correct horse battery';
const add = (name: string, role = 'viewer') => server.api('POST', '/admins', { name, role, password });
const post = (path: string, body: unknown, headers: Record<string, string> = {}, method = 'POST') =>
  server.http(method, `/api/v1${path}`, {
    headers: { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin', ...headers },
    body: JSON.stringify(body),
  });
const signIn = (name: string, word = password) => post('/session', { name, password: word });
async function cookieOf(name: string, word = password): Promise<string> {
  const { status, headers } = await signIn(name, word);
  expect(status).toBe(201);
  return /^[^;]+/.exec(String(headers['set-cookie']))?.[0] ?? '';
}
const whoami = (cookie: string) => server.http('GET', '/api/v1/whoami', { headers: { cookie } });

test('a local admin signs in with his password, and has his role', async () => {
  const { status, json } = await add('ada', 'operator');
  expect([status, json]).toEqual([
    201,
    { name: 'ada', role: 'operator', createdAt: now.toISOString(), lastSignInAt: null },
  ]);
  const signedIn = await signIn('ada');
  expect(signedIn.json).toMatchObject({ actor: 'admin:ada', role: 'operator' });
  expect(String(signedIn.headers['set-cookie'])).toMatch(
    /^__Host-netport-session=[\w-]{43}; HttpOnly; Secure; SameSite=Strict;/,
  );
  const cookie = await cookieOf('ada');
  expect((await whoami(cookie)).json).toMatchObject({ actor: 'admin:ada', role: 'operator' });
  expect((await server.api('GET', '/admins')).json.items).toMatchObject([
    { name: 'ada', lastSignInAt: now.toISOString() },
  ]);
  expect((await add('ada')).json.code).toBe('already_exists');
});

test('without a password one is made and shown once; only scrypt’s hash of it is kept', async () => {
  const { json } = await server.api('POST', '/admins', { name: 'made', role: 'viewer' });
  expect(json.password).toMatch(/^[0-9a-f]{6}(-[0-9a-f]{6}){4}$/);
  await cookieOf('made', json.password);
  const client = createClient({ url: `file:${join(server.data, 'netport.db')}` });
  const { rows } = await client.execute('SELECT "passwordHash" FROM "LocalAdmin" WHERE name = \'made\'');
  client.close();
  expect(rows[0]?.passwordHash).toMatch(/^\$scrypt\$ln=15,r=8,p=3\$[\w-]{22}\$[\w-]{43}$/);
  const trail = JSON.stringify((await server.api('GET', '/audit')).json);
  expect(trail).toContain('local-admin.add');
  expect(trail).not.toContain(json.password);
});

test('an unknown name and a wrong password get the same answer, and the same work', async () => {
  await add('known');
  const [unknown, wrong] = [await signIn('nobody'), await signIn('known', 'wrong')];
  expect([unknown.status, unknown.json]).toEqual([wrong.status, wrong.json]);
  expect(wrong.json).toMatchObject({ code: 'unauthenticated', detail: 'wrong name or password' });
  const { items } = (await server.api('GET', '/audit?action=api.deny&limit=2')).json;
  expect(items).toMatchObject(Array(2).fill({ actor: 'anonymous', subject: 'POST /api/v1/session' }));
});

test.each(['guessed', 'unknown'])('who guesses at a name waits: %s', async (name) => {
  if (name === 'guessed') await add(name);
  for (let i = 0; i < limits.passwordTries; i++) expect((await signIn(name, 'wrong')).status).toBe(401);
  const { status, json } = await signIn(name);
  expect([status, json.code, json.detail]).toEqual([429, 'rate_limited', expect.stringMatching(/wait 1 s/)]);
  later(limits.lockOutBase);
  expect((await signIn(name)).status).toBe(name === 'guessed' ? 201 : 401);
});

test('another role holds in an open session at once; another password ends it, and so does removal', async () => {
  await add('grace', 'admin');
  let cookie = await cookieOf('grace');
  expect((await server.api('PATCH', '/admins/grace', { role: 'viewer' })).json.role).toBe('viewer');
  expect((await whoami(cookie)).json.role).toBe('viewer');
  expect((await post('/portals', { name: 'x' }, { cookie })).status).toBe(403);

  const { json } = await server.api('PATCH', '/admins/grace', { password: null });
  expect((await whoami(cookie)).status).toBe(401);
  cookie = await cookieOf('grace', json.password);
  expect((await server.api('DELETE', '/admins/grace')).status).toBe(200);
  expect((await whoami(cookie)).status).toBe(401);
  expect((await server.api('DELETE', '/admins/grace')).status).toBe(404);
});

test('one changes the own password with the present one, and every other session ends', async () => {
  await add('alan');
  const [here, there] = [await cookieOf('alan'), await cookieOf('alan')];
  const next = 'another horse entirely';
  const wrong = await post('/session/password', { current: 'wrong', next }, { cookie: here });
  expect([wrong.status, wrong.json.errors]).toMatchObject([400, [{ path: 'current' }]]);
  const short = await post('/session/password', { current: password, next: 'short' }, { cookie: here });
  expect([short.status, short.json.errors[0].path]).toEqual([400, 'next']);
  expect(
    (await post('/session/password', { current: password, next }, { cookie: here, 'sec-fetch-site': 'cross-site' }))
      .status,
  ).toBe(403);
  expect((await post('/session/password', { current: password, next }, { cookie: here })).status).toBe(200);
  expect([(await whoami(here)).status, (await whoami(there)).status]).toEqual([200, 401]);
  expect((await signIn('alan')).status).toBe(401);
  await cookieOf('alan', next);
  const token = await server.api('POST', '/session/password', { current: password, next });
  expect(token.json).toMatchObject({
    code: 'invalid_request',
    detail: expect.stringMatching(/token:admin has no password/),
  });
});

test('one signs out everywhere at once, and nobody else with it', async () => {
  await add('edsger');
  await add('other');
  const [here, there, other] = [await cookieOf('edsger'), await cookieOf('edsger'), await cookieOf('other')];
  const { status, headers } = await post('/sessions', {}, { cookie: here, 'content-length': '2' }, 'DELETE');
  expect([status, String(headers['set-cookie'])]).toEqual([200, expect.stringMatching(/Max-Age=0$/)]);
  const statuses = [];
  for (const cookie of [here, there, other]) statuses.push((await whoami(cookie)).status);
  expect(statuses).toEqual([401, 401, 200]);
});
