import { X509Certificate } from 'node:crypto';
import { NetportError, type SpiffeId, type TrustDomain } from '@netport/protocol';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Authority, openAuthority } from './authority.js';
import { type AuthorityMaterial, createAuthority, linkRoots } from './authority-material.js';
import { decodeCertsOnly, encodeCertsOnly } from './certs-only.js';
import { checkCsr, createCsr } from './csr.js';
import { generateKeyPem, publicKeyOf } from './keys.js';
import { parseCrl } from './revocations.js';
import { acceptAuthorities } from './trust-anchors.js';
import { verifyPeer } from './verify.js';
import { pemToDer } from './x509.js';

const now = new Date('2030-06-01T12:00:00Z');
const trustDomain = 'test.internal' as TrustDomain;
const id = 'spiffe://test.internal/portal/one' as SpiffeId;

let material: AuthorityMaterial;
let authority: Authority;
let chain: Uint8Array[];
beforeAll(async () => {
  material = await createAuthority({ trustDomain, now });
  authority = await openAuthority(material);
  chain = pemToDer((await authority.issue({ id, publicKey: publicKeyOf(generateKeyPem()), now })).chainPem);
});

/** What may become of good DER on the way: bytes changed, left out, put in or doubled, and an end that is missing. */
const change = fc.oneof(
  fc.record({
    kind: fc.constant('change' as const),
    at: fc.nat(),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 4 }),
  }),
  fc.record({
    kind: fc.constant('insert' as const),
    at: fc.nat(),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }),
  }),
  fc.record({ kind: fc.constant('remove' as const), at: fc.nat(), length: fc.integer({ min: 1, max: 16 }) }),
  fc.record({ kind: fc.constant('double' as const), at: fc.nat(), length: fc.integer({ min: 1, max: 64 }) }),
  fc.record({ kind: fc.constant('cut' as const), at: fc.nat() }),
);
type Change = typeof change extends fc.Arbitrary<infer Value> ? Value : never;
const changes = fc.array(change, { minLength: 1, maxLength: 4 });

const mutated = (good: Uint8Array, all: readonly Change[]): Uint8Array =>
  all.reduce<Uint8Array>((der, each) => {
    const at = each.at % (der.length + 1);
    const [before, after] = [der.subarray(0, at), der.subarray(at)];
    switch (each.kind) {
      case 'change':
        return Buffer.concat([before, each.bytes, after.subarray(each.bytes.length)]);
      case 'insert':
        return Buffer.concat([before, each.bytes, after]);
      case 'remove':
        return Buffer.concat([before, after.subarray(each.length)]);
      case 'double':
        return Buffer.concat([before, after.subarray(0, each.length), after]);
      default:
        return Uint8Array.from(before);
    }
  }, good);

/** Whatever it is, in PEM's clothes. */
const pemOf = (bytes: Uint8Array): string =>
  `-----BEGIN CERTIFICATE-----\n${Buffer.from(bytes).toString('base64')}\n-----END CERTIFICATE-----\n`;

/** The code that it was refused with. Anything else that is thrown is a fault. */
async function refusal(attempt: () => unknown): Promise<string | undefined> {
  try {
    await attempt();
    return undefined;
  } catch (thrown) {
    if (thrown instanceof NetportError && thrown.code !== 'internal') return thrown.code;
    throw thrown;
  }
}

describe('good DER with something changed is refused with a code, or is still what it was', () => {
  const peer = (certificates: Uint8Array[]) =>
    verifyPeer({
      chain: certificates,
      trust: { rootPems: [material.rootPem] },
      now,
      usage: 'client',
      expect: { kind: ['portal'], trustDomain },
    });

  it('a certificate chain', async () => {
    await fc.assert(
      fc.asyncProperty(changes, fc.nat(1), async (drawn, which) => {
        const sent = chain.map((der, i) => (i === which ? mutated(der, drawn) : der));
        const code = await refusal(() => expect(peer(sent).id).toBe(id));
        if (code !== undefined) expect(code).toMatch(/^cert_/);
      }),
    );
  });

  it('a revocation list', async () => {
    const der = await authority.crl({ revoked: [{ serial: '1234', revokedAt: now }], number: 7, now });
    await fc.assert(
      fc.asyncProperty(changes, async (drawn) => {
        const code = await refusal(() =>
          expect([...parseCrl(mutated(der, drawn), [material.issuerPem]).serials]).toEqual(['1234']),
        );
        if (code !== undefined) expect(code).toMatch(/^(protocol_error|cert_untrusted)$/);
      }),
    );
  });

  it('a request, as a first one and as a renewal', async () => {
    const key = generateKeyPem();
    const [leaf] = chain;
    for (const renewed of [undefined, leaf]) {
      const csr = await createCsr(key, renewed);
      await fc.assert(
        fc.asyncProperty(changes, async (drawn) => {
          const code = await refusal(async () =>
            expect(await checkCsr(mutated(csr, drawn), renewed)).toEqual(publicKeyOf(key)),
          );
          if (code !== undefined) expect(code).toBe('csr_invalid');
        }),
      );
    }
  });

  it('a certs-only message, whose certificates are checked later', async () => {
    const message = encodeCertsOnly([material.rootPem, material.issuerPem]);
    await fc.assert(
      fc.asyncProperty(changes, async (drawn) => {
        const code = await refusal(() => decodeCertsOnly(mutated(message, drawn)));
        if (code !== undefined) expect(code).toBe('protocol_error');
      }),
    );
  });

  it('the roots that are to be trusted from now on: never a key that is not one of theirs', async () => {
    const next = await createAuthority({ trustDomain, now });
    const link = await linkRoots({ rootPem: next.rootPem, by: material, now });
    const offered = [material.rootPem, next.rootPem, link].flatMap(pemToDer);
    const keyOf = (pem: string): string => new X509Certificate(pem).publicKey.export({ format: 'jwk' }).x ?? '';
    const keys = [material.rootPem, next.rootPem].map(keyOf);
    await fc.assert(
      fc.asyncProperty(changes, fc.nat(2), async (drawn, which) => {
        const bundle = offered.map((der, i) => pemOf(i === which ? mutated(der, drawn) : der)).join('');
        const code = await refusal(() => {
          const { rootPems } = acceptAuthorities({
            trusted: material.rootPem,
            offered: bundle,
            offeredBy: 'anybody',
            now,
          });
          expect(keys).toEqual(expect.arrayContaining(rootPems.map(keyOf)));
        });
        if (code !== undefined) expect(code).toMatch(/^(cert_untrusted|protocol_error)$/);
      }),
    );
  });
});
