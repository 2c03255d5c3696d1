import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fingerprintsIn } from '@netport/pki';
import { limits } from '@netport/protocol';
import {
  type DeviceFiles,
  identify,
  loadIdentity,
  openDataDirectory,
  trustOf,
  tryControlSession,
} from '@netport/runtime';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
// The sources, not the package: nobody but tests makes devices.
import { Manufacturer, rsaOf } from '../../../pki/src/testing/manufacturer.js';
import { silent, startTestServer, type TestServer, temporaryDirectory } from '../../test/harness.js';

let server: TestServer;
let acme: Manufacturer;
let path: string;
let clock = () => new Date();
const closers: (() => unknown)[] = [];

beforeAll(async () => {
  [server, acme] = await Promise.all([startTestServer({ now: () => clock() }), Manufacturer.create()]);
  const temporary = await temporaryDirectory();
  path = temporary.path;
  closers.push(temporary.remove, () => server.stop());
  await server.api('POST', '/device-authorities', { name: 'acme', pem: acme.bundle, prefix: 'acme-', autoAdd: true });
});
afterAll(async () => {
  for (const close of closers.reverse()) await close();
});

async function open(name: string) {
  const directory = await openDataDirectory(join(path, name));
  closers.push(() => directory.close());
  return directory;
}

/** What an image has, and a device in it. */
async function filesOf(serial: string): Promise<DeviceFiles> {
  const { chainPem, keyPem } = await acme.device(serial, { key: rsaOf(2048) });
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
}

const asked = { kind: 'portal', now: () => clock(), log: silent } as const;

test('a portal enrols with its device certificate, and comes back with it when its own has expired', async () => {
  const [directory, device] = [await open('expires'), await filesOf('one')];
  const first = await identify({ ...asked, directory, device });
  expect(first.name).toBe('acme-one');
  await tryControlSession({ identity: first, trust: trustOf(first, undefined) });
  // While it is good, nothing of the device is looked at.
  expect(await identify({ ...asked, directory, device: { ...device, key: '/nowhere' } })).toEqual(first);

  clock = () => new Date(Date.now() + limits.leafLifetime + 1000);
  onTestFinished(() => {
    clock = () => new Date();
  });
  const second = await identify({ ...asked, directory, device });
  expect([second.id, second.keyPem === first.keyPem]).toEqual([first.id, false]);
  expect(await loadIdentity(directory)).toEqual(second);
});

test('a data directory is not given to another device', async () => {
  const directory = await open('taken');
  const first = await identify({ ...asked, directory, device: await filesOf('two') });
  const other = identify({ ...asked, directory, device: await filesOf('three'), anew: true });
  await expect(other).rejects.toThrow(/this device is .*acme-three, and .* is acme-two's/);
  expect(await loadIdentity(directory)).toEqual(first);
});

// Last: it replaces the root of them all.
test('an image with the old root works on while that is replaced, and after it', async () => {
  const [directory, device] = [await open('old-image'), await filesOf('four')];
  const enrolAnew = () => identify({ ...asked, directory, device, anew: true });
  const step = (name: string) => server.api('POST', '/authority/rollover', { step: name, force: true });
  const { rootFingerprint } = await enrolAnew();
  for (const name of ['publish', 'reissue']) expect((await step(name)).status).toBe(200);
  const identity = await enrolAnew();
  expect(identity.rootFingerprint).not.toBe(rootFingerprint);
  await tryControlSession({ identity, trust: trustOf(identity, undefined) });
  expect((await step('retire')).status).toBe(200);
  const { rootPem, rootFingerprint: second } = await enrolAnew();
  expect(fingerprintsIn(rootPem)).toEqual([second]);
});
