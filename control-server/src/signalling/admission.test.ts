import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Authority, createAuthority, generateKeyPem, openAuthority, publicKeyOf } from '@netport/pki';
import { formatSpiffeId, type IdentityKind, type Name, type TrustDomain } from '@netport/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openSocket, startTestServer, type TestServer } from '../../test/harness.js';

const trustDomain = 'netport.internal' as TrustDomain;

let server: TestServer;
/** The server's own CA, as in the hands of who has got at its files. */
let own: Authority;
let foreign: Authority;
beforeAll(async () => {
  server = await startTestServer();
  const file = (name: string): Promise<string> => readFile(join(server.data, name), 'utf8');
  const [issuerPem, issuerKeyPem] = await Promise.all([file('issuer.pem'), file('issuer-key.pem')]);
  own = await openAuthority({ rootPem: server.rootPem, issuerPem, issuerKeyPem });
  foreign = await openAuthority(await createAuthority({ trustDomain, now: new Date() }));
  for (const kind of ['portal', 'relay'] as const) await server.join(kind, 'one');
});
afterAll(() => server.stop());

async function open(from: Authority, kind: IdentityKind, domain = trustDomain, now = new Date()): Promise<unknown> {
  const keyPem = generateKeyPem();
  const id = formatSpiffeId({ trustDomain: domain, kind, name: 'one' as Name });
  const { chainPem } = await from.issue({ id, publicKey: publicKeyOf(keyPem), now });
  return openSocket(server, { identity: { keyPem, chainPem } });
}

describe.each(['portal', 'relay'] as const)('a control session of a %s is refused to a certificate', (kind) => {
  it.each<[string, string, () => Promise<unknown>]>([
    ['of another CA, with the right name', 'cert_untrusted', () => open(foreign, kind)],
    ['that has expired', 'cert_expired', () => open(own, kind, trustDomain, new Date(0))],
    [
      'that is not yet valid',
      'cert_not_yet_valid',
      () => open(own, kind, trustDomain, new Date(Date.now() + 86_400_000)),
    ],
    ['of another trust domain', 'cert_wrong_name', () => open(own, kind, 'other.internal' as TrustDomain)],
    ['that this server knows nothing of', 'cert_revoked', () => open(own, kind)],
  ])('%s: %s', async (_case, code, opening) => {
    await expect(opening()).rejects.toMatchObject({ body: { code } });
  });
});

it.each([
  ['control', 'cert_wrong_usage'],
  ['admin', 'cert_wrong_name'],
] as const)('the certificate of a %s opens no control session: %s', async (kind, code) => {
  await expect(open(own, kind)).rejects.toMatchObject({ body: { code } });
});
