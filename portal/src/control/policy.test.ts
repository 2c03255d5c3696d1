import { createPrivateKey } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pemToDer } from '@netport/pki';
import type { Name, PolicyDocument } from '@netport/protocol';
import { createLogger, type DataDirectory, openDataDirectory } from '@netport/runtime';
import fc from 'fast-check';
import { CompactSign } from 'jose';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { issue, newAuthority, spiffeId, type TestIdentity, trustDomain } from '../testing/identities.js';
import { verifyPolicy } from './policy.js';
import { openPolicyStore } from './policy-store.js';

const authority = await newAuthority();
const control = await issue(authority, spiffeId('control', 'control'));
const name = 'a' as Name;
const document = (change: Partial<PolicyDocument> = {}): PolicyDocument => ({
  version: 5,
  trustDomain,
  portal: name,
  issuedAt: new Date().toISOString(),
  listeners: [],
  targets: [],
  ...change,
});

const sign = (payload: unknown, signer: TestIdentity = control, chain = signer.chainPem): Promise<string> =>
  new CompactSign(new TextEncoder().encode(JSON.stringify(payload)))
    .setProtectedHeader({ alg: 'ES256', x5c: pemToDer(chain).map((der) => Buffer.from(der).toString('base64')) })
    .sign(createPrivateKey(signer.keyPem));

const check = { trust: { rootPems: [authority.rootPem] }, now: new Date(), name, trustDomain };
const tamper = (jws: string, part: 0 | 1 | 2, change: (text: string) => string): string => {
  const parts = jws.split('.');
  parts[part] = change(parts[part] ?? '');
  return parts.join('.');
};

describe('verifyPolicy', () => {
  it('accepts what the control server signed', async () => {
    const signed = document();
    expect(await verifyPolicy(await sign(signed), { ...check, version: 5 })).toEqual(signed);
  });

  it('refuses a payload that was changed', async () => {
    const forged = Buffer.from(JSON.stringify(document({ version: 9 }))).toString('base64url');
    const jws = tamper(await sign(document()), 1, () => forged);
    await expect(verifyPolicy(jws, check)).rejects.toMatchObject({ code: 'policy_signature_invalid' });
  });

  it('refuses a signature of another key under the control server’s chain', async () => {
    const stranger = await issue(authority, spiffeId('b'));
    const jws = await sign(document(), stranger, control.chainPem);
    await expect(verifyPolicy(jws, check)).rejects.toMatchObject({ code: 'policy_signature_invalid' });
  });

  it.each([
    ['a portal', async () => issue(authority, spiffeId('b')), 'cert_wrong_name'],
    ['another CA', async () => issue(await newAuthority(), spiffeId('control', 'control')), 'cert_untrusted'],
    [
      'an expired certificate',
      async () => issue(authority, spiffeId('control', 'control'), new Date(0)),
      'cert_expired',
    ],
  ])('refuses %s as the signer', async (_case, signer, code) => {
    await expect(verifyPolicy(await sign(document(), await signer()), check)).rejects.toMatchObject({ code });
  });

  it('refuses a signer that was revoked', async () => {
    const revocations = {
      der: new Uint8Array(),
      serials: new Set([control.serial]),
      thisUpdate: new Date(),
      nextUpdate: undefined,
    };
    const trust = { ...check.trust, revocations };
    await expect(verifyPolicy(await sign(document()), { ...check, trust })).rejects.toMatchObject({
      code: 'cert_revoked',
    });
  });

  it.each([
    ['the document of another portal', { portal: 'b' as Name }, 'policy_signature_invalid'],
    ['an older version', { version: 4 }, 'policy_rollback'],
    ['no document', { listeners: 'everything' } as unknown as Partial<PolicyDocument>, 'protocol_error'],
  ])('refuses %s', async (_case, change, code) => {
    const jws = await sign(document(change));
    await expect(verifyPolicy(jws, { ...check, version: 5 })).rejects.toMatchObject({ code });
  });

  it('refuses arbitrary text, and a good document with any change, with a code', async () => {
    const jws = await sign(document());
    // All but the last character, of which four bits mean nothing.
    const changed = fc
      .tuple(fc.nat(jws.length - 2), fc.constantFrom(...'AZaz09-_.'))
      .map(([at, character]) => jws.slice(0, at) + character + jws.slice(at + 1))
      .filter((text) => text !== jws);
    await fc.assert(
      fc.asyncProperty(fc.oneof(changed, fc.string(), fc.stringMatching(/^[\w-]*\.[\w-]*\.[\w-]*$/)), async (text) => {
        const refusal = { name: 'NetportError', code: expect.stringMatching(/^(policy_|cert_|protocol_error)/) };
        await expect(verifyPolicy(text, check)).rejects.toMatchObject(refusal);
      }),
    );
  });

  it.each(['', 'a.b.c', '....', 'e30.e30.e30'])('refuses %j', async (jws) => {
    await expect(verifyPolicy(jws, check)).rejects.toMatchObject({ code: 'policy_signature_invalid' });
  });
});

describe('policy store', () => {
  let path: string;
  let directory: DataDirectory;
  const open = () =>
    openPolicyStore({
      directory,
      identity: { name, trustDomain },
      trust: () => check.trust,
      now: () => new Date(),
      log: createLogger('test', 'silent'),
    });
  beforeEach(async () => {
    path = await mkdtemp(join(tmpdir(), 'netport-policy-'));
    directory = await openDataDirectory(path);
  });
  afterEach(async () => {
    await directory.close();
    await rm(path, { recursive: true, force: true });
  });

  it('keeps the last accepted document over a restart', async () => {
    const store = await open();
    await store.accept(await sign(document()));
    await expect(store.accept(await sign(document({ version: 4 })))).rejects.toMatchObject({ code: 'policy_rollback' });
    expect(store.current?.version).toBe(5);
    await store.settled();
    expect((await open()).current).toEqual(store.current);
  });

  it('does not use a stored document that was changed', async () => {
    await directory.write(
      'policy.jws',
      tamper(await sign(document()), 2, (text) => text.replace(/^..../, 'AAAA')),
    );
    expect((await open()).current).toBeUndefined();
  });

  it('has a document in force that the disk does not take', async () => {
    const store = await open();
    await rm(path, { recursive: true });
    expect(await store.accept(await sign(document()))).toBe(store.current);
    await store.settled();
    expect(store.current?.version).toBe(5);
  });
});
