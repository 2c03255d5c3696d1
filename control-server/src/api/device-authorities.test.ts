import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { limits } from '@netport/protocol';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
// The sources, not the package: nobody but tests makes devices.
import { Manufacturer } from '../../../pki/src/testing/manufacturer.js';
import { startTestServer, type TestServer } from '../../test/harness.js';

let server: TestServer;
let acme: Manufacturer;
beforeAll(async () => {
  [server, acme] = await Promise.all([startTestServer(), Manufacturer.create()]);
  expect((await addAuthority({ name: 'acme', pem: acme.bundle, prefix: 'acme-' })).status).toBe(201);
});
afterAll(() => server.stop());

const addAuthority = (body: Record<string, unknown>) => server.api('POST', '/device-authorities', body);

describe('what is no device authority is refused with its field', () => {
  let other: Manufacturer;
  beforeEach(async () => {
    other = await Manufacturer.create({ name: 'Beta' });
  });

  test.each<[string, Record<string, unknown>, string, string]>([
    ['a name that is taken', { name: 'acme' }, 'already_exists', 'name'],
    ['a prefix that is taken', { prefix: 'acme-' }, 'already_exists', 'prefix'],
    ['a prefix within another', { prefix: 'acme-routers-' }, 'already_exists', 'prefix'],
    ['a prefix that has no end', { prefix: 'beta' }, 'invalid_request', 'prefix'],
    ['no PEM', { pem: 'hello' }, 'invalid_request', 'pem'],
    ['too much', { pem: 'x'.repeat(limits.deviceAuthorityBytes + 1) }, 'invalid_request', 'pem'],
    ['an unknown field', { trust: true }, 'invalid_request', 'trust'],
  ])('%s', async (_what, change, code, path) => {
    const { json } = await addAuthority({ name: 'beta', pem: other.bundle, prefix: 'beta-', ...change });
    expect([json.code, json.errors?.[0]?.path]).toEqual([code, path]);
  });

  test('a CA that is trusted already, one that has expired, and no CA', async () => {
    const beta = { name: 'beta', prefix: 'beta-' };
    const expired = await Manufacturer.create({ from: new Date(0), lifetime: 1000 });
    const { leafPem } = await other.device('1');
    for (const [pem, code] of [
      [acme.rootPem, 'already_exists'],
      [expired.rootPem, 'invalid_request'],
      [leafPem, 'invalid_request'],
    ] as const) {
      const { json } = await addAuthority({ ...beta, pem });
      expect([json.code, json.errors[0].path]).toEqual([code, 'pem']);
    }
  });

  test('and what is one is shown with its certificates', async () => {
    const { json } = await server.api('GET', '/device-authorities');
    const [first] = json.items;
    expect(first).toMatchObject({ name: 'acme', prefix: 'acme-', autoAdd: false, pem: acme.bundle });
    expect(first.certificates).toMatchObject([
      { subject: 'CN=Acme Root, O=Acme', anchor: true },
      { subject: 'CN=Acme Devices, O=Acme', anchor: false },
    ]);
  });
});

/** The CAs that the server names to TLS clients, which may present only what is of one of them. */
async function namedCas(): Promise<string[]> {
  const { host } = new URL(server.url);
  const { stdout } = await promisify(execFile)('sh', [
    '-c',
    `openssl s_client -connect ${host} -noservername < /dev/null 2>&1`,
  ]);
  const [, names = ''] = /Acceptable client certificate CA names\n((?:.+=.+\n)+)/.exec(stdout) ?? [];
  return names.trim().split('\n');
}

test('TLS clients are told which authorities there are', async () => {
  const maker = await Manufacturer.create({ name: 'Delta' });
  const before = await namedCas();
  expect(before.join()).toContain('CN = Netport root CA');
  await addAuthority({ name: 'delta', pem: maker.bundle, prefix: 'delta-' });
  expect((await namedCas()).filter((name) => !before.includes(name))).toEqual(['CN = Delta Root, O = Delta']);
  await server.api('DELETE', '/device-authorities/delta');
  expect(await namedCas()).toEqual(before);
});
