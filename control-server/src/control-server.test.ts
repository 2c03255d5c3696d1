import { X509Certificate } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { connect } from 'node:tls';
import { createCsr, decodeCertsOnly, generateKeyPem } from '@netport/pki';
import { decodeJoinToken, encodeJoinToken, endpoints, limits, problemSchema } from '@netport/protocol';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { silent, startTestServer, type TestServer, temporaryDirectory } from '../test/harness.js';
import { startControlServer } from './control-server.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server.stop());

const newToken = async (name: string): Promise<string> => (await server.api('POST', '/portals', { name })).json.token;
const csr = async (): Promise<string> => Buffer.from(await createCsr(generateKeyPem())).toString('base64');
const basic = (password: string, user = ''): string => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
const enrol = (authorization: string, body: string, type = 'application/pkcs10') =>
  server.http('POST', '/.well-known/est/simpleenroll', { headers: { authorization, 'content-type': type }, body });

test('EST hands out the CA certificates', async () => {
  const { status, headers, text } = await server.http('GET', '/.well-known/est/cacerts');
  expect(status).toBe(200);
  expect(headers['content-type']).toBe('application/pkcs7-mime; smime-type=certs-only');
  const subjects = decodeCertsOnly(Buffer.from(text, 'base64')).map((pem) => new X509Certificate(pem).ca);
  expect(subjects).toEqual([true, true]);
});

test('a join token becomes one certificate, named by the token', async () => {
  const token = await newToken('enrols');
  const { status, text } = await enrol(basic(token, 'enrols'), await csr());
  expect(status).toBe(200);
  const leaf = decodeCertsOnly(Buffer.from(text, 'base64'))
    .map((pem) => new X509Certificate(pem))
    .find(({ ca }) => !ca);
  expect(leaf?.subjectAltName).toBe('URI:spiffe://netport.internal/portal/enrols');

  const again = await enrol(basic(token), await csr());
  expect(again.status).toBe(401);
  expect(again.headers['www-authenticate']).toMatch(/^Basic /);
  expect(again.json.code).toBe('token_used');

  const { items } = (await server.api('GET', '/audit?action=portal.enrol&subject=enrols')).json;
  expect(items.map(({ code, actor }: { code: string; actor: string }) => [actor, code])).toEqual([
    ['anonymous', 'token_used'],
    ['spiffe://netport.internal/portal/enrols', null],
  ]);
});

test('two enrolments at once with one token give exactly one certificate', async () => {
  const token = await newToken('racing');
  const bodies = await Promise.all(Array.from({ length: 8 }, csr));
  const answers = await Promise.all(bodies.map((body) => enrol(basic(token), body)));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array(7).fill(401)]);
  const { items } = (await server.api('GET', '/certificates')).json;
  expect(items.filter(({ subject }: { subject: string }) => subject.endsWith('/racing'))).toHaveLength(1);
});

test('a refused CSR does not use the token up', async () => {
  const token = await newToken('careful');
  const damaged = Buffer.from(await csr(), 'base64');
  damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1;
  const refusals = [
    await enrol(basic(token), damaged.toString('base64')),
    await enrol(basic(token), 'not base64!'),
    await enrol(basic(token), ''),
    await enrol(basic(token), Buffer.from('no request').toString('base64')),
  ];
  for (const { status, json } of refusals) expect([status, json.code]).toEqual([400, 'csr_invalid']);
  const wrongType = await enrol(basic(token), await csr(), 'application/octet-stream');
  expect([wrongType.status, wrongType.json.code]).toEqual([400, 'invalid_request']);
  const tooLarge = await enrol(basic(token), 'A'.repeat(limits.csrBytes + 1));
  expect([tooLarge.status, tooLarge.json.code]).toEqual([413, 'too_large']);
  expect((await enrol(basic(token), await csr())).status).toBe(200);
});

test('wrong, altered, withdrawn and expired join tokens are refused by name', async () => {
  const token = await newToken('strict');
  const decoded = decodeJoinToken(token);
  const other = encodeJoinToken({ ...decoded, secret: 'A'.repeat(43) });
  for (const [authorization, code] of [
    [basic(''), 'token_invalid'],
    [basic('npj1_x'), 'token_invalid'],
    [basic(other), 'token_invalid'],
    [basic(token, 'somebody-else'), 'token_invalid'],
    ['Bearer x', 'token_invalid'],
  ] as const) {
    const answer = await enrol(authorization, await csr());
    expect([answer.status, answer.json.code]).toEqual([401, code]);
    expect(answer.text).not.toContain(decoded.secret);
  }
  expect((await server.api('DELETE', `/tokens/${decoded.id}`)).status).toBe(200);
  expect((await enrol(basic(token), await csr())).json.code).toBe('token_invalid');
});

test('a token expires by the clock of the server', async () => {
  let now = new Date();
  const slow = await startTestServer({ now: () => now });
  const { token, expiresAt } = (await slow.api('POST', '/relays', { name: 'r' })).json;
  now = new Date(expiresAt);
  const headers = { authorization: basic(token), 'content-type': 'application/pkcs10' };
  const answer = await slow.http('POST', '/.well-known/est/simpleenroll', { headers, body: await csr() });
  expect([answer.status, answer.json.code]).toEqual([401, 'token_expired']);
  expect((await slow.api('GET', '/tokens')).json.items).toMatchObject([{ name: 'r', kind: 'relay', state: 'expired' }]);
  await slow.stop();
});

test('a request to the API without a good token is refused and written down, at a bounded rate', async () => {
  const start = new Date();
  const guarded = await startTestServer({ now: () => start });
  const attempts = limits.auditEventsPerMinute + 20;
  for (let i = 0; i < attempts; i++) {
    const headers = { authorization: `Bearer npa_${'x'.repeat(43)}` };
    expect((await guarded.http('GET', '/api/v1/portals', { headers })).status).toBe(401);
  }
  const { items } = (await guarded.api('GET', '/audit?action=api.deny&limit=1000')).json;
  expect(items[0]).toMatchObject({ actor: 'anonymous', code: 'unauthenticated', subject: 'GET /api/v1/portals' });
  expect(items.length).toBeLessThan(attempts);
  await guarded.stop();
});

const side = (portal: string, address = '127.0.0.1', port: number | undefined = 80) => ({ portal, address, port });

test.each<[string, unknown, string[]]>([
  ['no fields', {}, ['name', 'from', 'to']],
  ['a name with capitals', { name: 'Web', from: side('a'), to: side('b') }, ['name']],
  [
    'a port out of range',
    { name: 'web', from: side('a', '::1'), to: side('b', '127.0.0.1', 65536) },
    ['from.address', 'to.port'],
  ],
  ['a unix socket with a port', { name: 'web', from: side('a', 'unix:/x', 1), to: side('b') }, ['from.port']],
  [
    'an address without a port',
    { name: 'web', from: { portal: 'a', address: '127.0.0.1' }, to: side('b') },
    ['from.port'],
  ],
  ['an unknown field', { name: 'web', from: side('a'), to: side('b'), colour: 'red' }, ['colour']],
  ['a protocol that does not exist', { name: 'web', protocol: 'sctp', from: side('a'), to: side('b') }, ['protocol']],
  ['a time that is none', { name: 'web', from: side('a'), to: side('b'), expiresAt: 'tomorrow' }, ['expiresAt']],
])('an access pair with %s is refused, field by field', async (_what, body, paths) => {
  const { status, headers, json } = await server.api('POST', '/pairs', body);
  expect(status).toBe(400);
  expect(headers['content-type']).toMatch(/^application\/problem\+json/);
  const problem = problemSchema.parse(json);
  expect(problem.code).toBe('invalid_request');
  expect(problem.errors?.map(({ path }) => path)).toEqual(paths);
});

test.each<[string, string, string, { headers?: Record<string, string>; body?: string }, number, string]>([
  ['malformed JSON', 'POST', '/api/v1/portals', { body: '{"name":' }, 400, 'invalid_request'],
  ['an oversize body', 'POST', '/api/v1/portals', { body: `"${'x'.repeat(limits.apiBodyBytes)}"` }, 413, 'too_large'],
  [
    'another content type',
    'POST',
    '/api/v1/portals',
    { headers: { 'content-type': 'text/plain' }, body: 'name=a' },
    400,
    'invalid_request',
  ],
  ['an unknown route', 'GET', '/api/v1/nothing', {}, 404, 'not_found'],
  ['an unknown method', 'PATCH', '/api/v1/portals', {}, 404, 'not_found'],
  ['a malformed path', 'GET', '/api/v1/portals/%ff', {}, 400, 'invalid_request'],
  ['an unknown portal', 'GET', '/api/v1/portals/nobody', {}, 404, 'not_found'],
  ['an unknown token', 'DELETE', '/api/v1/tokens/nothing', {}, 404, 'not_found'],
  ['a query out of range', 'GET', '/api/v1/audit?limit=100000', {}, 400, 'invalid_request'],
])('%s gets a problem', async (_what, method, path, options, status, code) => {
  const headers = { authorization: `Bearer ${server.token}`, 'content-type': 'application/json', ...options.headers };
  const answer = await server.http(method, path, { ...options, headers });
  expect([answer.status, answer.json.code]).toEqual([status, code]);
});

test.each<[string, string, RegExp]>([
  ['is no JSON', '{"name":', /^the body is not JSON: ./],
  [
    'is too long',
    `"${'x'.repeat(limits.apiBodyBytes)}"`,
    new RegExp(`^the body has more than ${limits.apiBodyBytes} bytes`),
  ],
  ['lacks a field', '{}', /^name: required$/],
])('a body that %s is refused in words', async (_what, body, detail) => {
  const headers = { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' };
  const { json } = await server.http('POST', '/api/v1/portals', { headers, body });
  expect(json.detail).toMatch(detail);
});

test.each([
  ['no token', undefined],
  ['another scheme', 'Basic YTpi'],
  ['a token that is too short', 'Bearer npa_x'],
  ['a token that nobody made', `Bearer npa_${'A'.repeat(43)}`],
])('the admin API refuses %s', async (_what, authorization) => {
  const headers = authorization === undefined ? {} : { authorization };
  const { status, json } = await server.http('GET', '/api/v1/whoami', { headers });
  expect([status, json.code]).toEqual([401, 'unauthenticated']);
});

test('portals, pairs and their audit trail', async () => {
  await newToken('left');
  await newToken('right');
  const pair = { name: 'first', from: side('left'), to: { portal: 'right', address: 'unix:/run/app.sock' } };
  const added = await server.api('POST', '/pairs', pair);
  expect([added.status, added.json.state]).toEqual([201, 'peer_offline']);
  expect((await server.api('POST', '/pairs', pair)).json.code).toBe('already_exists');
  const clash = await server.api('POST', '/pairs', { ...pair, name: 'second' });
  expect([clash.json.code, clash.json.detail]).toEqual(['already_exists', expect.stringContaining('first listens on')]);
  expect((await server.api('POST', '/pairs', { ...pair, name: 'x', to: side('nobody') })).json.code).toBe('not_found');
  expect((await server.api('POST', '/pairs', { ...pair, name: 'x', to: side('left') })).json.code).toBe(
    'invalid_request',
  );

  expect((await server.api('PATCH', '/pairs/first', { enabled: false })).json.state).toBe('disabled');
  expect((await server.api('GET', '/pairs/first')).json.enabled).toBe(false);
  expect((await server.api('DELETE', '/portals/right')).status).toBe(200);
  expect((await server.api('GET', '/pairs/first')).status).toBe(404);

  const { items } = (await server.api('GET', '/audit?limit=4')).json;
  const [last, ...before] = items.map(({ action, actor, subject }: Record<string, string>) => [action, actor, subject]);
  expect(last).toEqual(['portal.remove', 'token:admin', 'right']);
  expect(before.map(([action]: string[]) => action)).toEqual(['pair.disable', 'pair.add', 'portal.add']);
});

test('the audit trail comes in pages', async () => {
  const first = (await server.api('GET', '/audit?limit=2')).json;
  const second = (await server.api('GET', `/audit?limit=2&before=${first.next}`)).json;
  const ids = [...first.items, ...second.items].map(({ id }: { id: number }) => id);
  expect(ids).toEqual([...ids].sort((a, b) => b - a));
  expect(new Set(ids).size).toBe(4);
});

test('the OpenAPI document lists every endpoint, and its references resolve', async () => {
  const { json, text } = await server.http('GET', '/api/v1/openapi.json');
  expect(json.openapi).toBe('3.1.0');
  const operations = Object.values(json.paths).flatMap((path) => Object.values(path as object));
  const count = Object.values(endpoints).reduce(
    (n, entry) => n + ('method' in entry ? 1 : Object.keys(entry).length),
    0,
  );
  expect(operations).toHaveLength(count);
  for (const [, name] of text.matchAll(/"#\/components\/schemas\/(\w+)"/g))
    expect(json.components.schemas).toHaveProperty(name ?? '');
});

test('health, the revocation list and the front page need no token', async () => {
  expect((await server.http('GET', '/healthz')).text).toBe('ok\n');
  expect((await server.http('GET', '/readyz')).text).toBe('ok\n');
  expect((await server.http('GET', '/')).text).toContain('Netport');
  expect((await server.http('GET', '/crl.der')).headers['content-type']).toBe('application/pkix-crl');
});

test('what is secret is readable for its owner only', async () => {
  for (const name of ['admin-token', 'root-key.pem', 'issuer-key.pem']) {
    expect((await stat(`${server.data}/${name}`)).mode & 0o777).toBe(0o600);
  }
  expect((await readFile(`${server.data}/admin-token`, 'utf8')).trim()).toBe(server.token);
});

test('TLS below 1.2 is refused', async () => {
  const { hostname, port } = new URL(server.url);
  const error = await new Promise<Error>((resolve) => {
    const socket = connect({
      host: hostname,
      port: Number(port),
      ca: server.rootPem,
      maxVersion: 'TLSv1.1',
      minVersion: 'TLSv1',
    });
    socket.on('error', resolve);
  });
  expect(error.message).toMatch(/protocol/i);
});

test('a restart keeps identity, token and state; another trust domain is refused', async () => {
  const directory = await temporaryDirectory();
  const options = { data: directory.path, listen: '127.0.0.1:0', log: silent, trustDomain: 'example.org' };
  const first = await startControlServer(options);
  await expect(startControlServer(options)).rejects.toMatchObject({ code: 'data_directory_locked' });
  await first.drain(0);
  let printed = false;
  const onAdminToken = () => {
    printed = true;
  };
  await expect(startControlServer({ ...options, trustDomain: 'other.org' })).rejects.toMatchObject({
    code: 'invalid_request',
  });
  const second = await startControlServer({ ...options, onAdminToken });
  expect([second.rootPem, printed]).toEqual([first.rootPem, false]);
  await second.drain(0);
  await directory.remove();
});

test.each([
  [{ publicUrl: 'http://x' }, 'invalid_request'],
  [{ publicUrl: 'https://x/path' }, 'invalid_request'],
  [{ listen: 'nowhere' }, 'invalid_request'],
  [{ trustDomain: 'Not One' }, 'invalid_request'],
  [{ databaseUrl: 'postgresql://x' }, 'invalid_request'],
])('start-up refuses %o and leaves nothing open', async (bad, code) => {
  const directory = await temporaryDirectory();
  const options = { data: directory.path, listen: '127.0.0.1:0', log: silent };
  await expect(startControlServer({ ...options, ...bad })).rejects.toMatchObject({ code });
  await (await startControlServer(options)).drain(0);
  await directory.remove();
});
