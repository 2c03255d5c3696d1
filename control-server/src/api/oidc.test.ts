import { limits } from '@netport/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../test/harness.js';
import { OpenIdProvider } from '../../test/openid-provider.js';
import { parseGroupRoles } from '../policy/oidc-role.js';

const groups = {
  ada: ['staff', 'operators'],
  alan: ['staff'],
  grace: ['visitors'],
  'not printable': ['operators'],
};
const secret = 'a-secret-that-is-long-enough-for-hmac';

let server: TestServer;
let provider: OpenIdProvider;
let now = new Date();
beforeAll(async () => {
  provider = await OpenIdProvider.start(groups);
  const { issuer, clientId, scopes, groupsClaim } = provider;
  const roles = parseGroupRoles('operators=operator;staff=viewer');
  const oidc = { issuer, clientId, clientSecret: secret, scopes, groupsClaim, roles };
  server = await startTestServer({ oidc, now: () => now });
});
afterAll(async () => {
  await server.stop();
  provider.stop();
});

/** A browser at the provider: keeps its cookies, fills in its forms, and ends where it is sent back to us. */
async function signInThere(start: string, login: string): Promise<URL> {
  const cookies = new Map<string, string>();
  const visit = async (url: URL, form?: Record<string, string>): Promise<Response> => {
    const response = await fetch(url, {
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(form && { method: 'POST', body: new URLSearchParams(form) }),
    });
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      cookies.set(name, value);
    }
    return response;
  };
  let url = new URL(start);
  let response = await visit(url);
  for (let step = 0; step < 12; step++) {
    const location = response.headers.get('location');
    if (location) {
      url = new URL(location, url);
      if (url.origin === server.url) return url;
      response = await visit(url);
      continue;
    }
    const page = await response.text();
    const [, action] = /<form[^>]* action="([^"]+)"/.exec(page) ?? [];
    const [, prompt] = /name="prompt" value="(\w+)"/.exec(page) ?? [];
    if (!action || !prompt) throw new Error(`no form at ${url.pathname}: ${page.slice(0, 500)}`);
    url = new URL(action, url);
    response = await visit(url, prompt === 'login' ? { prompt, login, password: 'any' } : { prompt });
  }
  throw new Error('the provider did not send us back');
}

const get = (path: string, headers: Record<string, string> = {}) => server.http('GET', path, { headers });
const cookiesOf = (headers: Record<string, string | string[] | undefined>): string[] =>
  [headers['set-cookie'] ?? []].flat();
const cookieIn = (line = ''): string => /^[^;]+/.exec(line)?.[0] ?? '';

async function start(): Promise<{ url: string; pending: string }> {
  const { status, headers } = await get('/api/v1/session/oidc');
  expect(status).toBe(303);
  return { url: String(headers.location), pending: cookieIn(cookiesOf(headers)[0]) };
}
const back = (url: URL, cookie: string) => get(`${url.pathname}${url.search}`, { cookie });
async function whoIs(login: string) {
  const { url, pending } = await start();
  const { status, headers } = await back(await signInThere(url, login), pending);
  const session = cookieIn(cookiesOf(headers).find((line) => /^__Host-netport-session=[\w-]{43};/.test(line)));
  return { status, location: headers.location, cookies: cookiesOf(headers), session };
}

test('while the provider is away, the page says so, and later it works', async () => {
  const { status, headers } = await get('/api/v1/session/oidc');
  expect([status, headers.location]).toEqual([303, '/?refused=unavailable']);
  const redirectUri = `${server.url}/api/v1/session/oidc/callback`;
  provider.open({ redirectUri, secret });
  const { issuer } = provider;
  expect((await get('/api/v1/session')).json).toEqual({ oidc: { name: issuer.host } });
  const { url } = await start();
  expect(new URL(url).origin).toBe(issuer.origin);
  expect(Object.fromEntries(new URL(url).searchParams)).toMatchObject({
    ...{ response_type: 'code', client_id: 'netport', redirect_uri: redirectUri, code_challenge_method: 'S256' },
    ...{ state: expect.stringMatching(/./), nonce: expect.stringMatching(/./) },
  });
});

test('what is pending is in a cookie that only this host gets, for ten minutes, and no script', async () => {
  const { headers } = await get('/api/v1/session/oidc');
  expect(cookiesOf(headers)).toEqual([
    expect.stringMatching(
      /^__Host-netport-oidc=[\w-]{43}\.[\w-]{43}\.[\w-]{43}; HttpOnly; Secure; SameSite=Lax; Path=\/; Max-Age=600$/,
    ),
  ]);
});

test.each([
  ['ada', 'operator'],
  ['alan', 'viewer'],
])('%s signs in there and is %s here', async (login, role) => {
  const { status, location, cookies, session } = await whoIs(login);
  expect([status, location]).toEqual([303, '/']);
  expect(cookies).toEqual([
    expect.stringMatching(
      /^__Host-netport-session=[\w-]{43}; HttpOnly; Secure; SameSite=Strict; Path=\/; Max-Age=43200$/,
    ),
    expect.stringMatching(/^__Host-netport-oidc=; .*Max-Age=0$/),
  ]);
  expect((await get('/api/v1/whoami', { cookie: session })).json).toMatchObject({ actor: `oidc:${login}`, role });
  const { items } = (await server.api('GET', '/audit?action=admin.sign-in&limit=1')).json;
  expect(items).toMatchObject([{ actor: `oidc:${login}`, detail: { role } }]);
});

test.each(['grace', 'not printable'])('%s has no role here', async (login) => {
  const { status, location, session } = await whoIs(login);
  expect([status, location, session]).toEqual([303, '/?refused=forbidden', '']);
  const { items } = (await server.api('GET', '/audit?action=api.deny&limit=1')).json;
  expect(items).toMatchObject([
    { actor: 'anonymous', code: 'forbidden', subject: 'GET /api/v1/session/oidc/callback' },
  ]);
});

test('an answer is good once, for the browser that began, and as the provider gave it', async () => {
  now = new Date(now.getTime() + 60_000);
  const { url, pending } = await start();
  const answer = await signInThere(url, 'ada');
  const changed = (name: string, value: string) => {
    const other = new URL(answer);
    other.searchParams.set(name, value);
    return other;
  };
  const other = await start();
  const refused = { status: 303, headers: { location: '/?refused=unauthenticated' } };
  for (const [to, cookie] of [
    [answer, ''],
    [answer, '__Host-netport-oidc=x'],
    [answer, other.pending],
    [changed('state', 'guessed'), pending],
    [changed('code', 'guessed'), pending],
    [changed('iss', 'https://evil.example'), pending],
  ] as const) {
    const got = await back(to, cookie);
    expect(got).toMatchObject(refused);
    expect(cookiesOf(got.headers).join()).not.toContain('netport-session');
  }
});

test('a code is worth nothing without this browser’s verifier or nonce', async () => {
  now = new Date(now.getTime() + 60_000);
  for (const part of [1, 2]) {
    const { url, pending } = await start();
    const [name, value = ''] = pending.split('=');
    const parts = value.split('.');
    parts[part] = 'A'.repeat(43);
    const got = await back(await signInThere(url, 'ada'), `${name}=${parts.join('.')}`);
    expect(got).toMatchObject({ status: 303, headers: { location: '/?refused=unauthenticated' } });
  }
});

test('who declines there is not let in here', async () => {
  const { url, pending } = await start();
  const state = new URL(url).searchParams.get('state') ?? '';
  const to = new URL(`${server.url}/api/v1/session/oidc/callback`);
  to.search = new URLSearchParams({ error: 'access_denied', state, iss: provider.issuer.href }).toString();
  expect((await back(to, pending)).headers.location).toBe('/?refused=forbidden');
});

test('one address may begin only so often', async () => {
  now = new Date(now.getTime() + 60_000);
  for (let i = 0; i < limits.signInsPerMinute; i++)
    expect((await get('/api/v1/session/oidc')).headers.location).toMatch(/auth/);
  expect((await get('/api/v1/session/oidc')).headers.location).toBe('/?refused=rate_limited');
});
