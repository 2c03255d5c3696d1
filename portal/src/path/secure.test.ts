import { connect } from 'node:tls';
import { parseCrl } from '@netport/pki';
import { describe, expect, it } from 'vitest';
import { issue, newAuthority, spiffeId, type TestIdentity, trustIn } from '../testing/identities.js';
import { socketPair } from '../testing/sockets.js';
import { secure } from './secure.js';

const authority = await newAuthority();
const a = await issue(authority, spiffeId('a'));
const b = await issue(authority, spiffeId('b'));
const trust = trustIn(authority);
const now = (): Date => new Date();

/** Both sides of one handshake; the far one believes whatever the test gives it. */
async function shake(options: {
  near: Partial<Parameters<typeof secure>[0]>;
  far: TestIdentity;
  farRoots?: string[];
}): Promise<PromiseSettledResult<Awaited<ReturnType<typeof secure>>>[]> {
  const [near, far] = await socketPair(false);
  const role = options.near.role ?? 'client';
  return Promise.allSettled([
    secure({ socket: near, role, identity: a, trust, peer: b.id, now, timeout: 5000, ...options.near }),
    secure({
      socket: far,
      role: role === 'client' ? 'server' : 'client',
      identity: options.far,
      trust: options.farRoots ? { rootPems: options.farRoots } : trust,
      peer: a.id,
      now,
      timeout: 5000,
    }),
  ]);
}

describe.each(['client', 'server'] as const)('TLS as the %s', (role) => {
  it('meets exactly the peer that it was told', async () => {
    const [near, far] = await shake({ near: { role }, far: b });
    expect(near).toMatchObject({ value: { peer: { id: b.id, serial: b.serial } } });
    if (near?.status !== 'fulfilled' || far?.status !== 'fulfilled') throw new Error('no handshake');
    expect(near.value.socket.getProtocol()).toBe('TLSv1.3');
    expect(near.value.socket.getCipher().standardName).toBe('TLS_AES_128_GCM_SHA256');
    near.value.socket.destroy();
    far.value.socket.destroy();
  });

  it.each<[string, () => Promise<TestIdentity>, string]>([
    ['another portal of the same CA', () => issue(authority, spiffeId('c')), 'cert_wrong_name'],
    ['an expired certificate', () => issue(authority, b.id, new Date(0)), 'cert_expired'],
  ])('refuses %s', async (_case, other, code) => {
    const [near] = await shake({ near: { role }, far: await other() });
    expect(near).toMatchObject({ status: 'rejected', reason: { code } });
  });

  it('refuses a certificate that is not for the peer’s side of TLS', async () => {
    const kind = role === 'client' ? 'relay' : 'control';
    const [near] = await shake({ near: { role }, far: await issue(authority, spiffeId('b', kind)) });
    expect(near).toMatchObject({ status: 'rejected', reason: { code: 'cert_wrong_usage' } });
  });

  it('refuses the right name of another CA', async () => {
    const impostors = await newAuthority();
    const [near] = await shake({
      near: { role },
      far: await issue(impostors, b.id),
      farRoots: [authority.rootPem, impostors.rootPem],
    });
    expect(near).toMatchObject({ status: 'rejected', reason: { code: 'cert_untrusted' } });
  });

  it('refuses a revoked certificate', async () => {
    const revoked = [{ serial: b.serial, revokedAt: new Date() }];
    const der = await authority.crl({ revoked, number: 1, now: new Date() });
    const revocations = parseCrl(der, [authority.rootPem, authority.issuerPem]);
    const [near] = await shake({ near: { role, trust: { ...trust, revocations } }, far: b });
    expect(near).toMatchObject({ status: 'rejected', reason: { code: 'cert_revoked' } });
  });
});

it('speaks nothing older than TLS 1.3', async () => {
  const [near, far] = await socketPair(false);
  const serving = secure({ socket: near, role: 'server', identity: a, trust, peer: b.id, now, timeout: 5000 });
  const credentials = { key: b.keyPem, cert: b.chainPem, rejectUnauthorized: false };
  connect({ ...credentials, socket: far, maxVersion: 'TLSv1.2' }).on('error', () => {});
  await expect(serving).rejects.toThrow(/unsupported protocol|version/i);
});

it('gives up on a peer that says nothing', async () => {
  const [near, far] = await socketPair(false);
  const handshake = secure({ socket: near, role: 'client', identity: a, trust, peer: b.id, now, timeout: 50 });
  await expect(handshake).rejects.toMatchObject({ code: 'tunnel_failed' });
  far.destroy();
});
