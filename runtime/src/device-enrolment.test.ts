import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { createAuthority, encodeCertsOnly, generateKeyPem, linkRoots, openAuthority, publicKeyOf } from '@netport/pki';
import { formatSpiffeId, type Name, type TrustDomain } from '@netport/protocol';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { openDataDirectory } from './data-directory.js';
import { type DeviceFiles, enrolDevice } from './device-enrolment.js';
import { loadIdentity } from './identity.js';
import { createLogger } from './log.js';

/** A CA with one certificate: what matters here is only what is read, and from whom. */
async function newAuthority(generation = 1) {
  const trustDomain = 'test.internal' as TrustDomain;
  const now = new Date();
  const material = await createAuthority({ trustDomain, now, generation });
  const authority = await openAuthority(material);
  const keyPem = generateKeyPem();
  const id = formatSpiffeId({ trustDomain, kind: 'control', name: 'control' as Name });
  const { chainPem } = await authority.issue({ id, publicKey: publicKeyOf(keyPem), now, names: ['127.0.0.1'] });
  return { ...material, keyPem, chainPem };
}
type TestAuthority = Awaited<ReturnType<typeof newAuthority>>;

let ours: TestAuthority;
let strangers: TestAuthority;
let shown: Record<string, string[]>;
beforeAll(async () => {
  [ours, strangers] = await Promise.all([newAuthority(2), newAuthority()]);
  // As if a thief had the key of the root before ours.
  const wayBack = await linkRoots({ rootPem: strangers.rootPem, by: ours, now: new Date() });
  shown = {
    'its own CA': [strangers.rootPem],
    'the CA that is trusted': [ours.rootPem],
    'a retired CA, with the way back to it': [ours.rootPem, strangers.rootPem, wayBack],
  };
});

async function setUp(controlUrl = 'https://127.0.0.1:1') {
  const path = await mkdtemp(join(tmpdir(), 'netport-device-'));
  const directory = await openDataDirectory(join(path, 'data'));
  onTestFinished(async () => {
    await directory.close();
    await rm(path, { recursive: true });
  });
  const file = async (name: string, content: string, mode = 0o600): Promise<string> => {
    await writeFile(join(path, name), content);
    await chmod(join(path, name), mode);
    return join(path, name);
  };
  const device: DeviceFiles = {
    controlUrl,
    ca: await file('root.pem', ours.rootPem),
    certificate: await file('device.pem', ours.chainPem),
    key: await file('device-key.pem', ours.keyPem),
  };
  const enrol = (change: Partial<DeviceFiles> = {}) =>
    enrolDevice({
      ...{ directory, stored: undefined, log: createLogger('test', 'silent') },
      device: { ...device, ...change },
    });
  return { enrol, file, directory };
}

describe('a device certificate', () => {
  it.each(['its own CA', 'the CA that is trusted', 'a retired CA, with the way back to it'])(
    'is kept from a server of somebody else that shows %s',
    async (what) => {
      const seen: unknown[] = [];
      const { keyPem: key, chainPem: cert } = strangers;
      const server = createServer({ key, cert, requestCert: true, rejectUnauthorized: false }, (request, response) => {
        seen.push(request.url, (request.socket as TLSSocket).getPeerCertificate().raw);
        response.end(Buffer.from(encodeCertsOnly(shown[what] ?? [])).toString('base64'));
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      onTestFinished(() => void server.close());
      const { enrol, directory } = await setUp(`https://127.0.0.1:${(server.address() as AddressInfo).port}`);
      await expect(enrol()).rejects.toMatchObject({ code: 'cert_untrusted' });
      expect(seen, 'no more than the question for its CA').toEqual(['/.well-known/est/cacerts', undefined]);
      expect(await loadIdentity(directory)).toBeUndefined();
    },
  );

  it('is not used with a key that everybody can read', async () => {
    const { enrol, file } = await setUp();
    const open = await file('open.pem', ours.keyPem, 0o644);
    await expect(enrol({ key: open })).rejects.toMatchObject({
      code: 'permission_denied',
      message: expect.stringContaining(`chmod o= ${open}`),
    });
    const group = await file('group.pem', ours.keyPem, 0o640);
    await expect(enrol({ key: group }), 'a group may: now nobody answers').rejects.toMatchObject({
      code: 'unavailable',
    });
  });

  it('that cannot be used is refused with the file that is wrong', async () => {
    const { enrol, file } = await setUp();
    const text = await file('text.pem', 'hello');
    const damaged = await file('damaged.pem', ours.rootPem.replace(/[A-Za-z]{12}/, 'AAAAAAAAAAAA'));
    const rows: [Partial<DeviceFiles>, RegExp][] = [
      [{ ca: text }, /text\.pem cannot be used: there is no PEM certificate/],
      [{ ca: damaged }, /damaged\.pem cannot be used: a certificate in it cannot be read/],
      [{ ca: await file('leaf.pem', ours.chainPem) }, /leaf\.pem cannot be used: a certificate in it is no CA/],
      [{ certificate: '/nowhere/x.pem' }, /x\.pem cannot be used: ENOENT/],
      [{ key: '/nowhere/key.pem' }, /key\.pem cannot be used: ENOENT/],
      [{ key: text }, /text\.pem cannot be used: it is no private key/],
      [{ key: await file('other.pem', generateKeyPem()) }, /other\.pem cannot be used: it is not the key/],
    ];
    for (const [change, message] of rows) {
      await expect(enrol(change)).rejects.toMatchObject({
        code: 'invalid_request',
        message: expect.stringMatching(message),
      });
    }
  });
});
