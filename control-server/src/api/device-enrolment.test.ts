import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createCsr, decodeCertsOnly, generateKeyPem } from '@netport/pki';
import { limits, type NewToken } from '@netport/protocol';
import {
  type DeviceFiles,
  identify,
  loadIdentity,
  openDataDirectory,
  trustOf,
  tryControlSession,
} from '@netport/runtime';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
// The sources, not the package: nobody but tests makes devices.
import { Manufacturer, rsaOf, serverOnly, type TestDevice } from '../../../pki/src/testing/manufacturer.js';
import { openSocket, silent, startTestServer, type TestServer, temporaryDirectory } from '../../test/harness.js';

let server: TestServer;
let acme: Manufacturer;
let clock: () => Date = () => new Date();
beforeAll(async () => {
  [server, acme] = await Promise.all([startTestServer({ now: () => clock() }), Manufacturer.create()]);
});
afterAll(() => server.stop());

interface Answer {
  status: number | undefined;
  body: string;
  code?: string;
  detail?: string;
}

/** One `simpleenroll` with a device certificate. */
function enrol(
  device: Pick<TestDevice, 'keyPem' | 'chainPem'>,
  csr: string,
  headers = {},
  operation = 'simpleenroll',
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      `${server.url}/.well-known/est/${operation}`,
      {
        ...{ method: 'POST', agent: false, ca: server.rootPem, key: device.keyPem, cert: device.chainPem },
        headers: { 'content-type': 'application/pkcs10', ...headers },
      },
      (incoming) => {
        let body = '';
        incoming.setEncoding('utf8').on('data', (chunk) => {
          body += chunk;
        });
        incoming.on('end', () => {
          const problem = body.startsWith('{') ? JSON.parse(body) : {};
          resolve({ status: incoming.statusCode, body, ...problem });
        });
      },
    );
    outgoing.on('error', reject).end(csr);
  });
}

const newCsr = async (): Promise<string> => Buffer.from(await createCsr(generateKeyPem())).toString('base64');
/** The outcome in a word: the portal's name, or the code of the refusal. */
async function outcome(device: TestDevice): Promise<string | undefined> {
  const { code, body } = await enrol(device, await newCsr());
  if (code !== undefined) return code;
  const [leaf = ''] = decodeCertsOnly(Buffer.from(body, 'base64'));
  return new X509Certificate(leaf).subject.replace('CN=portal-', '');
}
const audited = async (action: string): Promise<Record<string, unknown>[]> =>
  (await server.api('GET', `/audit?action=${action}`)).json.items;
const addAuthority = (body: Record<string, unknown>) => server.api('POST', '/device-authorities', body);

describe('an authority whose portals are added by an admin', () => {
  beforeAll(async () => {
    expect((await addAuthority({ name: 'acme', pem: acme.bundle, prefix: 'acme-' })).status).toBe(201);
  });

  /** A portal that an admin has added, and the device that it is. */
  async function added(serial: string): Promise<{ name: string; device: TestDevice }> {
    const name = `acme-${serial.toLowerCase()}`;
    expect((await server.api('POST', '/portals', { name })).status).toBe(201);
    return { name, device: await acme.device(serial) };
  }

  test('lets a device in as the portal that has its name, again and again', async () => {
    const { name, device } = await added('SN1');
    expect([await outcome(device), await outcome(device)]).toEqual([name, name]);
    const [event] = await audited('portal.enrol');
    expect(event).toMatchObject({
      actor: `spiffe://netport.internal/portal/${name}`,
      detail: { device: { authority: 'acme', subject: 'serialNumber=SN1, O=Acme' } },
    });
  });

  test('and no other: that is refused, with what to do, and written down', async () => {
    const stranger = await acme.device('NOBODY');
    const { status, code, detail } = await enrol(stranger, await newCsr());
    expect([status, code]).toEqual([403, 'forbidden']);
    expect(detail).toContain('netport portal add acme-nobody');
    const [event] = await audited('portal.enrol');
    expect(event).toMatchObject({
      actor: 'anonymous',
      subject: 'acme-nobody',
      code: 'forbidden',
      detail: { message: detail },
    });
  });

  test('never lets it become a portal outside of its prefix', async () => {
    await server.api('POST', '/portals', { name: 'gateway' });
    for (const subject of ['CN=gateway', '2.5.4.5=../gateway', 'CN=acme-sn1']) {
      expect(await outcome(await acme.device('', { subject })), subject).toBe('forbidden');
    }
  });

  test('refuses other certificates, each for its own reason', async () => {
    const { device } = await added('SN2');
    const portal = await server.join('portal', 'own');
    const now = new Date();
    expect([
      await outcome(await (await acme.imitation()).device('SN2')),
      await outcome(await acme.device('SN2', { notAfter: new Date(now.getTime() - 1000) })),
      await outcome(await acme.device('SN2', { extensions: [serverOnly] })),
      await outcome({ ...portal, leafPem: '' }),
      await outcome(device),
    ]).toEqual(['cert_untrusted', 'cert_expired', 'cert_wrong_usage', 'cert_untrusted', 'acme-sn2']);
    const codes = (await audited('portal.enrol')).slice(1, 5).map(({ code }) => code);
    expect(codes).toEqual(['cert_untrusted', 'cert_wrong_usage', 'cert_expired', 'cert_untrusted']);
  });

  test('is believed nowhere else', async () => {
    const identity = await acme.device('SN1', { extensions: [] });
    await expect(openSocket(server, { identity })).rejects.toMatchObject({ body: { code: 'cert_untrusted' } });
    const renewal = await enrol(identity, await newCsr(), {}, 'simplereenroll');
    expect(renewal.code).toBe('cert_untrusted');
  });

  test('takes the request for no more than its key', async () => {
    const { name, device } = await added('SN3');
    expect((await enrol(device, 'AAAA')).code).toBe('csr_invalid');
    expect((await enrol(device, await newCsr(), { 'content-type': 'text/plain' })).code).toBe('invalid_request');
    expect(await outcome(device)).toBe(name);
  });

  test('gives a portal to the first device of its name only', async () => {
    const { name, device } = await added('SN4');
    const [small, elsewhere] = [await acme.device('sn4'), await (await acme.sibling()).device('SN4')];
    expect(await outcome(device)).toBe(name);
    expect([await outcome(small), await outcome(elsewhere)]).toEqual(['cert_wrong_name', 'cert_wrong_name']);
    expect(await outcome(await acme.device('SN4')), 'which may have another key by then').toBe(name);
  });

  test('does not give away a portal that enrolled with a join token', async () => {
    await server.join('portal', 'acme-sn5');
    expect(await outcome(await acme.device('SN5'))).toBe('cert_wrong_name');
  });

  test('keeps who was revoked out, until a join token has let it in', async () => {
    const { name, device } = await added('SN6');
    expect(await outcome(device)).toBe(name);
    await server.api('POST', `/portals/${name}/revoke`);
    const { code, detail } = await enrol(device, await newCsr());
    expect([code, detail]).toEqual(['cert_revoked', expect.stringContaining(`netport portal token ${name}`)]);
    const { token } = (await server.api('POST', `/portals/${name}/tokens`, {})).json as NewToken;
    expect(await outcome(device), 'which it has to use').toBe('cert_revoked');
    const authorization = `Basic ${Buffer.from(`${name}:${token}`).toString('base64')}`;
    expect((await enrol(device, await newCsr(), { authorization })).status).toBe(200);
    expect(await outcome(device)).toBe(name);
  });

  test('keeps who was revoked before it came out, too', async () => {
    const { name, device } = await added('SN7');
    await server.api('POST', `/portals/${name}/revoke`);
    expect(await outcome(device)).toBe('cert_revoked');
  });

  test('lets nobody in any more once it is removed', async () => {
    const other = await Manufacturer.create({ name: 'Other' });
    await addAuthority({ name: 'other', pem: other.rootPem, prefix: 'other-', autoAdd: true });
    const device = await other.device('1');
    expect(await outcome(device)).toBe('other-1');
    expect((await server.api('DELETE', '/device-authorities/other')).status).toBe(200);
    expect(await outcome(device)).toBe('cert_untrusted');
    expect((await server.api('GET', '/portals/other-1')).status, 'and who is in stays').toBe(200);
    expect((await server.api('DELETE', '/device-authorities/other')).json.code).toBe('not_found');
    const subjects = ['device-authority.add', 'device-authority.remove'].map(
      async (action) => (await audited(action))[0],
    );
    expect(await Promise.all(subjects)).toMatchObject([{ subject: 'other' }, { subject: 'other' }]);
  });

  test('counts how often one device enrols', async () => {
    const { name, device } = await added('SN8');
    const start = new Date();
    clock = () => start;
    onTestFinished(() => {
      clock = () => new Date();
    });
    for (let i = 0; i < limits.deviceEnrolmentsPerMinute; i++)
      expect((await enrol(device, 'AAAA')).code).toBe('csr_invalid');
    expect((await enrol(device, 'AAAA')).status).toBe(429);
    expect(await outcome(await acme.device('SN9')), 'and no others’').toBe('forbidden');
    expect(name).toBe('acme-sn8');
  });
});

describe('an authority that adds portals by itself', () => {
  let fleet: Manufacturer;
  beforeAll(async () => {
    fleet = await Manufacturer.create({ name: 'Fleet' });
    await addAuthority({ name: 'fleet', pem: fleet.bundle, prefix: 'fleet-', autoAdd: true });
  });

  test('adds them, with a label that says so', async () => {
    expect(await outcome(await fleet.device('A1'))).toBe('fleet-a1');
    const { json } = await server.api('GET', '/portals/fleet-a1');
    expect(json.labels).toEqual({ 'device-authority': 'fleet' });
    expect((await audited('portal.add'))[0]).toMatchObject({ actor: 'device-authority:fleet', subject: 'fleet-a1' });
  });

  test('does not add one again that was removed, until an admin does', async () => {
    const device = await fleet.device('A2');
    expect(await outcome(device)).toBe('fleet-a2');
    await server.api('DELETE', '/portals/fleet-a2');
    const { code, detail } = await enrol(device, await newCsr());
    expect([code, detail]).toEqual(['cert_revoked', expect.stringContaining('netport portal add fleet-a2')]);
    await server.api('POST', '/portals', { name: 'fleet-a2' });
    expect(await outcome(device)).toBe('fleet-a2');
  });
});

describe('what is no device authority is refused with its field', () => {
  let other: Manufacturer;
  beforeEach(async () => {
    other = await Manufacturer.create({ name: 'Beta' });
    // Theirs; in either order of the describes above.
    await addAuthority({ name: 'acme', pem: acme.bundle, prefix: 'acme-' });
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

/** A manufacturer and its device with nothing of ours, RSA throughout: $1 is the URL of the control server. */
const outsideClient = `
set -eu
url=$1
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca-key.pem -out ca.pem -days 30 -subj "/O=Outside/CN=Outside CA" 2>/dev/null
openssl req -new -newkey rsa:2048 -nodes -keyout device-key.pem -subj "/O=Outside/serialNumber=77-A" -out device.csr 2>/dev/null
printf 'keyUsage=critical,digitalSignature\\nsubjectAltName=otherName:1.3.6.1.5.5.7.8.4;SEQ:hw\\n[hw]\\ntype=OID:1.3.6.1.4.1.99999.1\\nserial=FORMAT:HEX,OCT:07\\n' > device.cnf
openssl x509 -req -in device.csr -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 30 -extfile device.cnf -out device.pem 2>/dev/null
`;
const enrolment = `
set -eu
url=$1
openssl ecparam -name prime256v1 -genkey -noout -out key.pem
openssl req -new -key key.pem -subj "/CN=whatever" -outform DER | openssl base64 > request.csr
curl -sSf --cacert root.pem --cert device.pem --key device-key.pem -H 'content-type: application/pkcs10' \\
  --data-binary @request.csr "$url/.well-known/est/simpleenroll" | openssl base64 -d | openssl pkcs7 -inform DER -print_certs > chain.pem
openssl verify -x509_strict -purpose sslclient -CAfile root.pem -untrusted chain.pem chain.pem
`;

test('an outside client, openssl and curl, enrols with its RSA device certificate, and opens a control session', async () => {
  const { path, remove } = await temporaryDirectory();
  onTestFinished(remove);
  const run = async (script: string): Promise<string> =>
    (await promisify(execFile)('sh', ['-c', script, 'sh', server.url], { cwd: path })).stdout;
  const file = (name: string): Promise<string> => readFile(join(path, name), 'utf8');
  await writeFile(join(path, 'root.pem'), server.rootPem);
  await run(outsideClient);
  const { status } = await addAuthority({
    name: 'outside',
    pem: await file('ca.pem'),
    prefix: 'outside-',
    autoAdd: true,
  });
  expect(status).toBe(201);
  expect(await run(enrolment)).toBe('chain.pem: OK\n');
  const identity = { keyPem: await file('key.pem'), chainPem: await file('chain.pem') };
  const socket = await openSocket(server, { identity });
  expect(socket.protocol).toBe('netport.v1');
  socket.close();
  expect((await server.api('GET', '/portals/outside-77-a')).status).toBe(200);
});

test('a portal enrols with its device certificate, and comes back with it when its own has expired', async () => {
  const { path, remove } = await temporaryDirectory();
  const [directory, foreign] = [
    await openDataDirectory(join(path, 'own')),
    await openDataDirectory(join(path, 'other')),
  ];
  onTestFinished(async () => {
    clock = () => new Date();
    await directory.close();
    await foreign.close();
    await remove();
  });
  const maker = await Manufacturer.create({ name: 'Gamma' });
  await addAuthority({ name: 'gamma', pem: maker.bundle, prefix: 'gamma-', autoAdd: true });
  const filesOf = async (serial: string): Promise<DeviceFiles> => {
    const { chainPem, keyPem } = await maker.device(serial, { key: rsaOf(2048) });
    const file = async (name: string, content: string): Promise<string> => {
      await writeFile(join(path, `${serial}-${name}`), content, { mode: 0o600 });
      return join(path, `${serial}-${name}`);
    };
    return {
      controlUrl: server.url,
      ca: await file('root.pem', server.rootPem),
      certificate: await file('device.pem', chainPem),
      key: await file('key.pem', keyPem),
    };
  };
  const asked = { kind: 'portal', now: () => clock(), log: silent } as const;
  const device = await filesOf('one');
  const first = await identify({ ...asked, directory, device });
  expect(first.name).toBe('gamma-one');
  await tryControlSession({ identity: first, trust: trustOf(first, undefined) });
  // While it is good, nothing of the device is looked at.
  expect(await identify({ ...asked, directory, device: { ...device, key: '/nowhere' } })).toEqual(first);

  clock = () => new Date(Date.now() + limits.leafLifetime + 1000);
  const second = await identify({ ...asked, directory, device });
  expect([second.id, second.keyPem === first.keyPem]).toEqual([first.id, false]);
  expect(await loadIdentity(directory)).toEqual(second);

  const other = await filesOf('two');
  await identify({ ...asked, directory: foreign, device: other });
  const taken = identify({ ...asked, directory, device: other, anew: true });
  await expect(taken).rejects.toThrow(/this device is .*gamma-two, and .* is gamma-one's/);
  expect(await loadIdentity(directory)).toEqual(second);
});
