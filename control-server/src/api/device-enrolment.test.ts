import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createCsr, decodeCertsOnly, generateKeyPem } from '@netport/pki';
import { limits, type NewToken } from '@netport/protocol';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
// The sources, not the package: nobody but tests makes devices.
import { Manufacturer, serverOnly, type TestDevice } from '../../../pki/src/testing/manufacturer.js';
import { openSocket, startTestServer, type TestServer, temporaryDirectory } from '../../test/harness.js';

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
