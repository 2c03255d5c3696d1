import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { IdentityKind, SpiffeId, TrustDomain } from '@netport/protocol';
import fc from 'fast-check';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type Authority, openAuthority } from './authority.js';
import { type AuthorityMaterial, createAuthority, linkRoots } from './authority-material.js';
import { decodeCertsOnly, encodeCertsOnly } from './certs-only.js';
import { checkCsr, createCsr } from './csr.js';
import { generateKeyPem, publicKeyOf } from './keys.js';
import { crlToPem, parseCrl } from './revocations.js';
import { type PeerCheck, verifyPeer } from './verify.js';
import { derToPem, pemToDer } from './x509.js';

const now = new Date('2030-06-01T12:00:00Z');
const day = 86_400_000;
const trustDomain = 'test.internal' as TrustDomain;
const idOf = (kind: IdentityKind, name = 'one') => `spiffe://test.internal/${kind}/${name}` as SpiffeId;

let material: AuthorityMaterial;
let authority: Authority;
let stranger: { material: AuthorityMaterial; authority: Authority };

beforeAll(async () => {
  material = await createAuthority({ trustDomain, now });
  authority = await openAuthority(material);
  const other = await createAuthority({ trustDomain, now });
  stranger = { material: other, authority: await openAuthority(other) };
});

const issue = (kind: IdentityKind, options: { from?: Authority; name?: string; lifetime?: number } = {}) =>
  (options.from ?? authority).issue({
    id: idOf(kind, options.name),
    publicKey: publicKeyOf(generateKeyPem()),
    now,
    ...(options.lifetime !== undefined && { lifetime: options.lifetime }),
  });

const check = (chainPem: string, overrides: Partial<PeerCheck> = {}): string => {
  try {
    const trust = { rootPems: [material.rootPem] };
    const expected = { kind: 'portal', trustDomain } as const;
    return verifyPeer({ chain: pemToDer(chainPem), trust, now, usage: 'client', expect: expected, ...overrides }).id;
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe('verifyPeer', () => {
  it('accepts a portal as client and as server, by kind and by name', async () => {
    const { chainPem } = await issue('portal');
    expect(check(chainPem)).toBe(idOf('portal'));
    expect(check(chainPem, { usage: 'server', expect: idOf('portal') })).toBe(idOf('portal'));
    expect(check(chainPem + material.rootPem)).toBe(idOf('portal'));
  });

  it('refuses a leaf that comes without its issuer', async () => {
    const { chainPem } = await issue('portal');
    const [leaf] = pemToDer(chainPem);
    const alone = derToPem(leaf ?? new Uint8Array());
    expect(check(alone)).toBe('cert_untrusted');
    const trust = { rootPems: [material.rootPem], intermediatePems: [material.issuerPem] };
    expect(check(alone, { trust }), 'unless this side knows the issuer').toBe(idOf('portal'));
    const other = { rootPems: [stranger.material.rootPem], intermediatePems: [material.issuerPem] };
    expect(check(alone, { trust: other }), 'and its root').toBe('cert_untrusted');
  });

  it('refuses what is not the expected peer, each for its own reason', async () => {
    const portal = await issue('portal');
    const foreign = await issue('portal', { from: stranger.authority });
    const control = await issue('control');
    const expired = { now: new Date(now.getTime() + 8 * day) };
    const tooEarly = { now: new Date(now.getTime() - day) };
    const [leaf] = pemToDer(portal.chainPem);
    const [, foreignIssuer] = pemToDer(foreign.chainPem);
    const mixed = derToPem(leaf ?? new Uint8Array()) + derToPem(foreignIssuer ?? new Uint8Array());
    expect([
      check(foreign.chainPem),
      check(mixed),
      check(portal.chainPem, expired),
      check(portal.chainPem, tooEarly),
      check(control.chainPem, { expect: { kind: 'control', trustDomain } }),
      check(portal.chainPem, { expect: idOf('portal', 'two') }),
      check(portal.chainPem, { expect: { kind: 'relay', trustDomain } }),
      check(portal.chainPem, { expect: { kind: 'portal', trustDomain: 'other.internal' as TrustDomain } }),
      check(material.issuerPem),
      check(portal.chainPem, { chain: [] }),
      check(portal.chainPem, { chain: [Uint8Array.of(1, 2, 3)] }),
    ]).toEqual([
      'cert_untrusted',
      'cert_untrusted',
      'cert_expired',
      'cert_not_yet_valid',
      'cert_wrong_usage',
      'cert_wrong_name',
      'cert_wrong_name',
      'cert_wrong_name',
      'cert_wrong_usage',
      'cert_missing',
      'cert_untrusted',
    ]);
  });

  it('says what the clock here says when validity is the trouble', async () => {
    const { chainPem } = await issue('portal');
    const early = { chain: pemToDer(chainPem), trust: { rootPems: [material.rootPem] }, now: new Date(0) };
    expect(() => verifyPeer({ ...early, usage: 'client', expect: idOf('portal') })).toThrow(/clock here says 1970/);
  });

  it('does not let a leaf issue certificates', async () => {
    const key = generateKeyPem();
    const fake = await authority.issue({ id: idOf('portal', 'fake'), publicKey: publicKeyOf(key), now });
    const [fakeLeaf = new Uint8Array()] = pemToDer(fake.chainPem);
    const rogue = await openAuthority({ rootPem: material.rootPem, issuerPem: derToPem(fakeLeaf), issuerKeyPem: key });
    const forged = await rogue.issue({ id: idOf('portal'), publicKey: publicKeyOf(generateKeyPem()), now });
    expect(check(forged.chainPem + material.issuerPem)).toBe('cert_untrusted');
  });

  it('answers a chain with any byte changed with a code', async () => {
    const { chainPem } = await issue('portal');
    const [leaf = new Uint8Array(), issuer = new Uint8Array()] = pemToDer(chainPem);
    for (const [which, der] of [leaf, issuer].entries()) {
      for (let at = 0; at < der.length; at += 1) {
        const changed = Uint8Array.from(der, (byte, i) => (i === at ? byte ^ 0x55 : byte));
        expect(check('', { chain: which === 0 ? [changed, issuer] : [leaf, changed] })).toMatch(/^cert_/);
      }
    }
  });

  it('answers garbage with a code and nothing else', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 6 }), (chain) => {
        expect(check('', { chain })).toMatch(/^cert_(missing|untrusted)$/);
      }),
    );
  });
});

describe('revocation list', () => {
  it('revokes what it lists, and nothing else', async () => {
    const [bad, good] = [await issue('portal'), await issue('portal', { name: 'two' })];
    const der = await authority.crl({ revoked: [{ serial: bad.serial, revokedAt: now }], number: 128, now });
    const trust = { rootPems: [material.rootPem], revocations: parseCrl(der, [material.rootPem, material.issuerPem]) };
    expect(check(bad.chainPem, { trust })).toBe('cert_revoked');
    expect(check(good.chainPem, { trust })).toBe(idOf('portal', 'two'));
  });

  it('is refused when another CA signed it, or a byte was changed', async () => {
    const foreign = await stranger.authority.crl({ revoked: [], number: 1, now });
    expect(() => parseCrl(foreign, [material.issuerPem])).toThrow(/not signed by a CA/);
    const der = await authority.crl({ revoked: [{ serial: '1234', revokedAt: now }], number: 1, now });
    // After the signed part come the algorithm, which is fixed here, and the signature of at most 72 bytes.
    for (let i = 0; i < der.length - 90; i += 1) {
      const changed = Uint8Array.from(der, (byte, at) => (at === i ? byte ^ 1 : byte));
      expect(() => parseCrl(changed, [material.issuerPem])).toThrow();
    }
  });

  it('refuses arbitrary bytes with a code', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(() => parseCrl(bytes, [material.issuerPem])).toThrow(
          expect.objectContaining({ code: expect.stringMatching(/^(protocol_error|cert_untrusted)$/) }),
        );
      }),
    );
  });
});

describe('requests', () => {
  it('give their public key when their owner signed them', async () => {
    const key = generateKeyPem();
    expect(await checkCsr(await createCsr(key))).toEqual(publicKeyOf(key));
  });

  it('are refused when a byte was changed, and when they are something else', async () => {
    const csr = await createCsr(generateKeyPem());
    const changed = Uint8Array.from(csr, (byte, at) => (at === csr.length - 1 ? byte ^ 1 : byte));
    await expect(checkCsr(changed)).rejects.toMatchObject({ code: 'csr_invalid' });
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), async (bytes) => {
        await expect(checkCsr(bytes)).rejects.toMatchObject({ code: 'csr_invalid' });
      }),
    );
  });

  it('that are to renew a certificate have its names, or none; others are refused', async () => {
    const [{ chainPem }, other] = [await issue('portal'), await issue('portal', { name: 'two' })];
    const [certificate, foreign] = [pemToDer(chainPem)[0], pemToDer(other.chainPem)[0]];
    const key = generateKeyPem();
    for (const names of [certificate, undefined]) {
      expect(await checkCsr(await createCsr(key, names), certificate)).toEqual(publicKeyOf(key));
    }
    await expect(checkCsr(await createCsr(key, foreign), certificate)).rejects.toThrow(/other names/);
  });

  it('are refused with another kind of key', async () => {
    const pem = execFileSync(
      'openssl',
      [...['req', '-new', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=x', '-keyout', '/dev/null']],
      { stdio: 'pipe' },
    ).toString();
    const der = Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
    await expect(checkCsr(der)).rejects.toMatchObject({ code: 'csr_invalid' });
  });
});

it('certs-only messages keep their certificates, and OpenSSL reads them', async () => {
  const { chainPem } = await issue('portal');
  const message = encodeCertsOnly([chainPem, material.rootPem]);
  expect(decodeCertsOnly(message)).toHaveLength(3);
  const printed = execFileSync('openssl', ['pkcs7', '-inform', 'DER', '-print_certs'], { input: message }).toString();
  expect(printed.match(/BEGIN CERTIFICATE/g)).toHaveLength(3);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      expect(() => decodeCertsOnly(bytes)).toThrow(expect.objectContaining({ code: 'protocol_error' }));
    }),
  );
});

describe('openssl verify -x509_strict', () => {
  it.each(['control', 'relay', 'portal', 'admin'] as const)(
    'accepts the %s profile, and its revocation',
    async (kind) => {
      const directory = mkdtempSync(join(tmpdir(), 'netport-pki-'));
      onTestFinished(() => rmSync(directory, { recursive: true }));
      const file = (name: string, content: string): string => {
        writeFileSync(join(directory, name), content);
        return join(directory, name);
      };
      const { chainPem, serial } = await authority.issue({
        id: idOf(kind),
        publicKey: publicKeyOf(generateKeyPem()),
        now,
        names: kind === 'control' ? ['localhost', '127.0.0.1', '::1'] : [],
      });
      const at = String(Math.floor(now.getTime() / 1000));
      const common = ['verify', '-x509_strict', '-attime', at, '-CAfile', file('root.pem', material.rootPem)];
      const leaf = ['-untrusted', file('issuer.pem', material.issuerPem), file('leaf.pem', chainPem)];
      expect(execFileSync('openssl', [...common, ...leaf]).toString()).toContain('OK');
      const crl = await authority.crl({ revoked: [{ serial, revokedAt: now }], number: 1, now });
      const withCrl = [...common, '-crl_check', '-CRLfile', file('crl.pem', crlToPem(crl)), ...leaf];
      expect(() => execFileSync('openssl', withCrl, { stdio: 'pipe' })).toThrow(/certificate revoked/);
    },
  );

  it('accepts the next root, what is issued under it, and what each root says of the other', async () => {
    const next = await createAuthority({ trustDomain, now, generation: 2 });
    const directory = mkdtempSync(join(tmpdir(), 'netport-pki-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const verified = (rootPem: string, ...others: string[]): string => {
      const files = [rootPem, ...others].map((content, index) => {
        const path = join(directory, `${index}.pem`);
        writeFileSync(path, content);
        return path;
      });
      const at = String(Math.floor(now.getTime() / 1000));
      const [root = '', ...rest] = files;
      return execFileSync('openssl', ['verify', '-x509_strict', '-attime', at, '-CAfile', root, ...rest]).toString();
    };
    const publicKey = publicKeyOf(generateKeyPem());
    const { chainPem } = await (await openAuthority(next)).issue({ id: idOf('portal'), publicKey, now });
    const newWithOld = await linkRoots({ rootPem: next.rootPem, by: material, now });
    const oldWithNew = await linkRoots({ rootPem: material.rootPem, by: next, now });
    // The issuing CA first: openssl verifies each file, and looks for issuers among the roots alone.
    expect(verified(next.rootPem, next.issuerPem)).toContain('OK');
    expect(verified(next.rootPem + next.issuerPem, chainPem)).toContain('OK');
    expect(verified(material.rootPem, newWithOld)).toContain('OK');
    expect(verified(next.rootPem, oldWithNew)).toContain('OK');
  });
});
