import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createAuthority, createCsr, generateKeyPem, openAuthority, pemToDer, publicKeyOf } from '@netport/pki';
import { limits, type NewToken, type TrustDomain } from '@netport/protocol';
import {
  identify,
  loadIdentity,
  openDataDirectory,
  reenrol,
  type StoredIdentity,
  trustOf,
  tryControlSession,
} from '@netport/runtime';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { openSocket, silent, startTestServer, type TestServer, temporaryDirectory } from '../../test/harness.js';

let server: TestServer;
let clock: () => Date = () => new Date();
beforeAll(async () => {
  server = await startTestServer({ now: () => clock() });
});
afterAll(() => server.stop());

const later = (ms: number): void => {
  clock = () => new Date(Date.now() + ms);
  onTestFinished(() => {
    clock = () => new Date();
  });
};
const renewed = (identity: StoredIdentity) => reenrol({ identity, trust: trustOf(identity, undefined) });
const session = (identity: StoredIdentity) => tryControlSession({ identity, trust: trustOf(identity, undefined) });
const audited = async (action: string): Promise<unknown[]> =>
  (await server.api('GET', `/audit?action=${action}`)).json.items;

test('a renewal keeps the name, changes the key, and both certificates are good until both are revoked', async () => {
  const old = await server.join('portal', 'renews');
  const next = await renewed(old);
  expect([next.id, next.keyPem === old.keyPem]).toEqual([old.id, false]);
  for (const identity of [old, next]) await session(identity);
  const subject = 'spiffe://netport.internal/portal/renews';
  expect(await audited('portal.renew')).toMatchObject([{ actor: subject, subject: 'renews', code: null }]);

  await server.api('POST', '/portals/renews/revoke');
  for (const identity of [old, next]) {
    await expect(session(identity)).rejects.toMatchObject({ code: 'cert_revoked' });
    await expect(renewed(identity)).rejects.toMatchObject({ code: 'cert_revoked' });
  }
});

test('relays renew as portals do', async () => {
  const relay = await server.join('relay', 'renews');
  expect((await renewed(relay)).id).toBe(relay.id);
});

/** One `simplereenroll` as it stands; resolves with status and code. */
function post(credentials: { keyPem: string; chainPem: string } | undefined, csr: Uint8Array) {
  return new Promise<[number | undefined, string]>((resolve, reject) => {
    const outgoing = request(
      `${server.url}/.well-known/est/simplereenroll`,
      {
        ...{ method: 'POST', agent: false, ca: server.rootPem, headers: { 'content-type': 'application/pkcs10' } },
        ...(credentials && { key: credentials.keyPem, cert: credentials.chainPem }),
      },
      (incoming) => {
        let body = '';
        incoming.setEncoding('utf8').on('data', (chunk) => {
          body += chunk;
        });
        incoming.on('end', () => resolve([incoming.statusCode, JSON.parse(body).code]));
      },
    );
    outgoing.on('error', reject).end(Buffer.from(csr).toString('base64'));
  });
}

test('who has no good certificate renews nothing, and that is written down', async () => {
  const identity = await server.join('portal', 'strict');
  const other = await server.join('portal', 'other');
  const csr = await createCsr(generateKeyPem());
  const trustDomain = 'netport.internal' as TrustDomain;
  const stranger = await openAuthority(await createAuthority({ trustDomain, now: new Date() }));
  const keyPem = generateKeyPem();
  const foreign = await stranger.issue({ id: identity.id, publicKey: publicKeyOf(keyPem), now: new Date() });

  expect(await post(undefined, csr)).toEqual([401, 'cert_missing']);
  expect(await post({ keyPem, chainPem: foreign.chainPem }, csr)).toEqual([403, 'cert_untrusted']);
  const asOther = await createCsr(generateKeyPem(), pemToDer(other.chainPem)[0]);
  expect(await post(identity, asOther)).toEqual([400, 'csr_invalid']);
  later(limits.leafLifetime + 1000);
  expect((await post(identity, csr))[1]).toBe('cert_expired');
  const codes = (await audited('certificate.deny')).map((event) => (event as { code: string }).code);
  expect(codes.slice(0, 3)).toEqual(['cert_expired', 'cert_untrusted', 'cert_missing']);
});

test('renewals of one portal are limited', async () => {
  const identity = await server.join('portal', 'eager');
  const start = new Date();
  clock = () => start;
  onTestFinished(() => {
    clock = () => new Date();
  });
  const damaged = Uint8Array.of(1);
  for (let i = 0; i < limits.renewalsPerMinute; i++)
    expect(await post(identity, damaged)).toEqual([400, 'csr_invalid']);
  expect(await post(identity, damaged)).toEqual([429, 'rate_limited']);
});

test('a portal whose certificate has expired comes back by a new token, with its name and its access pairs', async () => {
  const { path, remove } = await temporaryDirectory();
  const directory = await openDataDirectory(path);
  onTestFinished(async () => {
    await directory.close();
    await remove();
  });
  const tokenFor = async (name: string, again: boolean): Promise<string> =>
    ((await server.api('POST', again ? `/portals/${name}/tokens` : '/portals', again ? {} : { name })).json as NewToken)
      .token;
  const asked = { directory, kind: 'portal', now: () => clock(), log: silent } as const;
  const first = await identify({ ...asked, joinToken: await tokenFor('comes-back', false) });
  const tokenOfAnother = await tokenFor('another', false);
  const from = { portal: 'comes-back', address: '127.0.0.1', port: 8080 };
  const pair = { name: 'kept', from, to: { ...from, portal: 'another' } };
  expect((await server.api('POST', '/pairs', pair)).status).toBe(201);
  // While it is good, a token that stands in its unit's environment is left alone.
  expect(await identify({ ...asked, joinToken: 'npj1_spent' })).toEqual(first);

  later(limits.leafLifetime + 1000);
  await expect(session(first)).rejects.toMatchObject({ code: 'cert_expired' });
  const elsewhere = identify({ ...asked, joinToken: tokenOfAnother });
  await expect(elsewhere).rejects.toThrow(/is for another, and .* is comes-back's/);
  expect(await loadIdentity(directory)).toEqual(first);

  const token = await tokenFor('comes-back', true);
  const second = await identify({ ...asked, joinToken: token });
  expect(second.id).toBe(first.id);
  await session(second);
  expect(await loadIdentity(directory)).toEqual(second);
  expect((await server.api('GET', '/pairs/kept')).json).toMatchObject({ from, revision: 1 });
  // Asked for in so many words, a good one is replaced, too: after a revocation this side cannot know that it is not.
  await expect(identify({ ...asked, joinToken: token, anew: true })).rejects.toMatchObject({ code: 'token_used' });
});

/** What an outside client needs of EST, with nothing of ours: $1 is a URL, $2 the name of a portal, $3 its join token. */
const outsideClient = `
set -eu
certificates() { openssl base64 -d | openssl pkcs7 -inform DER -print_certs; }
est() { operation=$1; shift; curl -sSf --cacert root.pem -H 'content-type: application/pkcs10' "$@" "$url/.well-known/est/$operation"; }
url=$1 name=$2 token=$3
curl -sSfk "$url/.well-known/est/cacerts" | certificates > ca.pem
openssl ecparam -name prime256v1 -genkey -noout -out key.pem
openssl req -new -key key.pem -subj "/CN=whatever" -outform DER | openssl base64 > first.csr
est simpleenroll -u "$name:$token" --data-binary @first.csr | certificates > first.pem
openssl x509 -in first.pem -noout -ext subjectAltName | grep -q "URI:spiffe://netport.internal/portal/$name"
openssl verify -x509_strict -purpose sslclient -CAfile root.pem -untrusted first.pem first.pem
openssl ecparam -name prime256v1 -genkey -noout -out next-key.pem
openssl req -new -key next-key.pem -subj "/CN=portal-$name" -addext "subjectAltName=URI:spiffe://netport.internal/portal/$name" -outform DER | openssl base64 > next.csr
est simplereenroll --cert first.pem --key key.pem --data-binary @next.csr | certificates > next.pem
openssl verify -x509_strict -purpose sslserver -CAfile root.pem -untrusted next.pem next.pem
`;

test('an outside client, openssl and curl, enrols and renews; its certificate opens a control session', async () => {
  const { path, remove } = await temporaryDirectory();
  onTestFinished(remove);
  const { token } = (await server.api('POST', '/portals', { name: 'outside' })).json as NewToken;
  await writeFile(join(path, 'root.pem'), server.rootPem);
  const { stdout } = await promisify(execFile)('sh', ['-c', outsideClient, 'sh', server.url, 'outside', token], {
    cwd: path,
  });
  expect(stdout).toBe('first.pem: OK\nnext.pem: OK\n');
  const [keyPem, chainPem] = await Promise.all(
    ['next-key.pem', 'next.pem'].map((file) => readFile(join(path, file), 'utf8')),
  );
  const socket = await openSocket(server, { identity: { keyPem: keyPem ?? '', chainPem: chainPem ?? '' } });
  expect(socket.protocol).toBe('netport.v1');
  socket.close();
});
