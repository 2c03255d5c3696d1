import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  checkCsr,
  createAuthority,
  derToPem,
  encodeCertsOnly,
  fingerprintsIn,
  generateKeyPem,
  linkRoots,
  openAuthority,
  pemToDer,
  publicKeyOf,
} from '@netport/pki';
import { controlSubprotocol, formatSpiffeId, type Name, NetportError, type TrustDomain } from '@netport/protocol';
import { expect, it, onTestFinished } from 'vitest';
import { WebSocketServer } from 'ws';
import { openDataDirectory } from './data-directory.js';
import { describeIdentity, loadIdentity, saveIdentity, trustOf } from './identity.js';
import { keepIdentity } from './kept-identity.js';
import { createLogger } from './log.js';

const trustDomain = 'test.internal' as TrustDomain;
const authority = await openAuthority(await createAuthority({ trustDomain, now: new Date(Date.now() - 3_600_000) }));

const lifetime = 60_000;
const issue = async (kind: 'control' | 'portal', publicKey: Uint8Array, now = new Date()): Promise<string> => {
  const id = formatSpiffeId({ trustDomain, kind, name: 'one' as Name });
  return (await authority.issue({ id, publicKey, now, lifetime })).chainPem;
};

/** A control server that renews every certificate, takes sessions or not, and says to anybody which CAs it has. */
async function startServer(takesSessions: () => boolean, authorities = async (): Promise<string> => authority.rootPem) {
  const keyPem = generateKeyPem();
  const http = createServer({
    ...{ key: keyPem, cert: await issue('control', publicKeyOf(keyPem)), ca: authority.rootPem },
    ...{ requestCert: true, rejectUnauthorized: false },
  });
  http.on('request', async (request, response) => {
    const body = (await request.setEncoding('utf8').toArray()).join('');
    const asked = request.url?.endsWith('/cacerts');
    const chainPem = asked ? await authorities() : await issue('portal', await checkCsr(Buffer.from(body, 'base64')));
    response.end(Buffer.from(encodeCertsOnly(pemToDer(chainPem).map(derToPem))).toString('base64'));
  });
  const sockets = new WebSocketServer({ noServer: true, handleProtocols: () => controlSubprotocol });
  const refused: string[] = [];
  http.on('upgrade', (request, socket, head) => {
    if (takesSessions()) return sockets.handleUpgrade(request, socket, head, () => {});
    refused.push(request.url ?? '');
    socket.end('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
  });
  await once(http.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void http.close());
  return { refused, url: `https://127.0.0.1:${(http.address() as AddressInfo).port}` };
}

it('a renewed certificate is used, and written over the old one, only when a control session with it came up', async () => {
  const path = await mkdtemp(join(tmpdir(), 'netport-runtime-'));
  const directory = await openDataDirectory(path);
  let takesSessions = false;
  const { url, refused } = await startServer(() => takesSessions);
  const keyPem = generateKeyPem();
  // Overdue from the start: it is tried within seconds, again and again.
  const chainPem = await issue('portal', publicKeyOf(keyPem), new Date(Date.now() - lifetime * 0.8));
  const old = describeIdentity({ keyPem, chainPem, rootPem: authority.rootPem, issuersPem: '', controlUrl: url });
  await saveIdentity(directory, old);
  const onDisk = (): Promise<string> => readFile(join(path, 'identity.json'), 'utf8');
  const before = await onDisk();

  const log = createLogger('test', 'silent');
  const changes: string[] = [];
  const kept = keepIdentity(old, {
    ...{ directory, log, now: () => new Date(), random: () => 0 },
    trust: (own) => trustOf(own, undefined),
    onChange: () => changes.push('changed'),
  });
  onTestFinished(async () => {
    kept.close();
    await directory.close();
    await rm(path, { recursive: true });
  });
  await expect.poll(() => refused.length).toBeGreaterThan(0);
  expect(kept.current).toBe(old);
  expect(await onDisk()).toBe(before);

  takesSessions = true;
  await expect.poll(() => kept.current === old).toBe(false);
  expect(kept.current.id).toBe(old.id);
  expect(changes).toEqual(['changed']);
  expect(await loadIdentity(directory)).toEqual(kept.current);
  expect((await stat(join(path, 'identity.json'))).mode & 0o777).toBe(0o600);
});

it('takes new roots from whoever answers for the control server, and lets go of none for him', async () => {
  const now = new Date();
  const [first, second, third] = await Promise.all(
    [1, 2, 3].map((generation) => createAuthority({ trustDomain, now, generation })),
  );
  if (!first || !second || !third) throw new Error('unreachable: three were made');
  const answers: string[] = [
    second.rootPem,
    third.rootPem + (await linkRoots({ rootPem: third.rootPem, by: second, now })),
  ];
  const { url } = await startServer(
    () => false,
    async () => answers.shift() ?? '',
  );
  const path = await mkdtemp(join(tmpdir(), 'netport-runtime-'));
  const directory = await openDataDirectory(path);
  const keyPem = generateKeyPem();
  const id = formatSpiffeId({ trustDomain, kind: 'portal', name: 'one' as Name });
  const issuer = await openAuthority(second);
  const { chainPem } = await issuer.issue({ id, publicKey: publicKeyOf(keyPem), now, lifetime: 3_600_000 });
  const rootPem = first.rootPem + second.rootPem;
  const kept = keepIdentity(describeIdentity({ keyPem, chainPem, rootPem, issuersPem: '', controlUrl: url }), {
    ...{ directory, log: createLogger('test', 'silent'), now: () => new Date(), random: () => 0 },
    trust: (own) => trustOf(own, undefined),
    onChange: () => {},
  });
  onTestFinished(async () => {
    kept.close();
    await directory.close();
    await rm(path, { recursive: true });
  });
  const refused = new NetportError('cert_untrusted', 'its root is another one');
  kept.sessionDown(refused);
  await expect.poll(() => answers.length).toBe(1);
  kept.sessionDown(refused);
  const roots = [first, second, third].map((one) => fingerprintsIn(one.rootPem)[0]);
  await expect.poll(() => kept.trusts().roots).toEqual(roots);
});
