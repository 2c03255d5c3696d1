import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import {
  deferred,
  dial,
  freePort,
  Overlay,
  receivePayload,
  runCommand,
  scripts,
  sendPayload,
  startProcess,
  startTarget,
} from '../harness/index.js';

/** A manufacturer, as openssl makes one: its CA, and a device with an RSA key for each serial number. */
const manufacturer = `
set -eu
openssl req -x509 -newkey rsa:2048 -nodes -keyout acme-key.pem -out acme.pem -days 30 -subj "/O=Acme/CN=Acme CA"
for serial in "$@"; do
  openssl req -new -newkey rsa:2048 -nodes -keyout $serial-key.pem -subj "/O=Acme/serialNumber=$serial" -out $serial.csr
  openssl x509 -req -in $serial.csr -CA acme.pem -CAkey acme-key.pem -CAcreateserial -days 30 -out $serial.pem
  chmod 600 $serial-key.pem
done
`;

let overlay: Overlay;
beforeAll(async () => {
  overlay = await Overlay.start({ portals: ['a'] });
  const args = ['-c', manufacturer, 'sh', 'SN-0042', 'SN-0043'];
  await promisify(execFile)('sh', args, { cwd: overlay.directory });
  await overlay.admin(['device-ca', 'add', 'acme', '--file', path('acme.pem'), '--prefix', 'acme-', '--auto-add']);
});
afterAll(() => overlay?.stop());

const path = (name: string): string => join(overlay.directory, name);

/** What the image of the fleet sets, and what each device has of its own. */
const environmentOf = (serial: string) => ({
  NETPORT_CONTROL_URL: overlay.url,
  NETPORT_CA: overlay.rootFile,
  NETPORT_DEVICE_CERTIFICATE: path(`${serial}.pem`),
  NETPORT_DEVICE_KEY: path(`${serial}-key.pem`),
  NETPORT_DATA: path(`portal-${serial}`),
});

it('a device becomes a portal by its manufacturer’s certificate alone, and carries a transfer', async () => {
  const name = 'acme-sn-0042';
  const env = environmentOf('SN-0042');
  const portal = startProcess({ name, script: scripts.portal, args: ['run'], env });
  onTestFinished(async () => {
    await portal.stop('SIGKILL');
  });
  await portal.waitForLog('online');

  const received = deferred<{ bytes: number; sha256: string }>();
  const sink = await startTarget((socket) => void receivePayload(socket).then(received.resolve, received.reject));
  const port = await freePort();
  await overlay.addPair('upload', `a:127.0.0.1:${port}`, `${name}:127.0.0.1:${sink.port}`);
  const socket = await dial(port);
  const size = 8 * 1024 ** 2;
  const sha256 = await sendPayload(socket, 1, size);
  socket.end();
  expect(await received.promise).toEqual({ bytes: size, sha256 });
  await sink.close();
});

it('a device trusts nobody but the CA that it was given', async () => {
  const env = environmentOf('SN-0043');
  const enroll = (more: Record<string, string>) => {
    const args = ['enroll', overlay.url];
    return runCommand({ name: 'enroll', script: scripts.portal, args, env: { ...env, ...more } });
  };
  const wrong = await enroll({ NETPORT_CA: path('acme.pem') });
  expect(wrong).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('(cert_untrusted)') });
  const denied = await overlay.cli<unknown[]>(['audit', '--action', 'portal.enrol', '--code', 'cert_untrusted']);
  expect(denied, 'the control server has heard nothing').toEqual([]);
  const right = await enroll({});
  expect(right).toMatchObject({ code: 0, stdout: 'spiffe://netport.internal/portal/acme-sn-0043\n' });
});
