import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { type AuthorityMaterial, createAuthority } from './authority-material.js';
import { readDeviceAuthority, verifyDevice } from './device.js';
import { type DeviceOptions, Manufacturer, rsaOf } from './testing/manufacturer.js';
import { derToPem, pemToDer, x509 } from './x509.js';

const now = new Date('2030-06-01T12:00:00Z');
const year = 365 * 86_400_000;
const usage = (...usages: string[]) => new x509.ExtendedKeyUsageExtension(usages);
const [client, server, any] = ['1.3.6.1.5.5.7.3.2', '1.3.6.1.5.5.7.3.1', '2.5.29.37.0'] as const;

let acme: Manufacturer;
let netport: AuthorityMaterial;
beforeAll(async () => {
  acme = await Manufacturer.create({ from: now });
  netport = await createAuthority({ trustDomain: 'test.internal' as never, now });
});

const check = (chainPem: string, pem = acme.bundle, at = now) =>
  verifyDevice({ chain: pemToDer(chainPem), authorities: [{ name: 'acme', pem }], now: at });
const codeOf = (...args: Parameters<typeof check>): string => {
  try {
    return check(...args).serial;
  } catch (error) {
    return (error as { code: string }).code;
  }
};
const made = async (options: DeviceOptions): Promise<string> => codeOf((await acme.device('X1', options)).chainPem);

describe('verifyDevice', () => {
  it('takes a device for what its manufacturer calls it, for ever', async () => {
    const { chainPem, leafPem } = await acme.device('SN 1234');
    const device = check(chainPem, acme.bundle, new Date(now.getTime() + 9 * year));
    expect(device).toMatchObject({ authority: { name: 'acme' }, serial: 'SN 1234' });
    expect(check(leafPem), 'also when TLS has lost what it sent along').toMatchObject({ identity: device.identity });
    expect(check(chainPem, acme.rootPem), 'or where the root alone is known').toMatchObject({ serial: 'SN 1234' });
  });

  it('takes the common name where there is no serial number, and refuses what is ambiguous', async () => {
    expect([
      await made({ subject: 'CN=box-7,O=Acme' }),
      await made({ subject: 'CN=box-7,2.5.4.5=77' }),
      await made({ subject: 'CN=a,CN=b' }),
      await made({ subject: '2.5.4.5=1,2.5.4.5=2' }),
      await made({ subject: 'O=Acme' }),
    ]).toEqual(['box-7', '77', 'cert_wrong_name', 'cert_wrong_name', 'cert_wrong_name']);
  });

  it('takes RSA keys, and refuses short ones and old hashes', async () => {
    expect(await made({ key: rsaOf(2048) })).toBe('X1');
    expect(await made({ key: rsaOf(1024) })).toBe('cert_untrusted');
    expect(await made({ hash: 'SHA-1' })).toBe('cert_untrusted');
  });

  it('refuses what is for another use, each extension where it is present', async () => {
    const keys = (flags: number) => new x509.KeyUsagesExtension(flags, true);
    const { digitalSignature, keyEncipherment } = x509.KeyUsageFlags;
    const rows: [x509.Extension[], string][] = [
      [[], 'X1'],
      [[usage(client)], 'X1'],
      [[usage(server, any)], 'X1'],
      [[usage(server)], 'cert_wrong_usage'],
      [[keys(digitalSignature | keyEncipherment)], 'X1'],
      [[keys(keyEncipherment)], 'cert_wrong_usage'],
      [[new x509.BasicConstraintsExtension(true, 0, true)], 'cert_wrong_usage'],
      // subjectAltName with a hardware module name, and anything else that nobody here knows, marked critical.
      [[new x509.Extension('1.2.3.4', false, Uint8Array.of(5, 0))], 'X1'],
      [[new x509.Extension('1.2.3.4', true, Uint8Array.of(5, 0))], 'cert_untrusted'],
    ];
    for (const [extensions, expected] of rows)
      expect(await made({ extensions }), JSON.stringify(extensions)).toBe(expected);
  });

  it('refuses other chains, each for its own reason', async () => {
    const { chainPem } = await acme.device('X1');
    const imitated = await (await acme.imitation()).device('X1');
    expect([
      codeOf(imitated.chainPem),
      codeOf(imitated.leafPem),
      codeOf(chainPem, (await Manufacturer.create({ name: 'Other', from: now })).bundle),
      codeOf(netport.issuerPem + netport.rootPem),
      codeOf(acme.rootPem),
      codeOf(''),
      await made({ notAfter: new Date(now.getTime() + 1000) }),
      codeOf(chainPem, acme.bundle, new Date(now.getTime() - 1000)),
      codeOf(chainPem, acme.bundle, new Date(now.getTime() + 11 * year)),
      codeOf((await acme.device('X1', { notAfter: now })).chainPem, acme.bundle, new Date(now.getTime() + 1000)),
    ]).toEqual([
      ...['cert_untrusted', 'cert_untrusted', 'cert_untrusted', 'cert_wrong_usage', 'cert_wrong_usage', 'cert_missing'],
      ...['X1', 'cert_not_yet_valid', 'cert_expired', 'cert_expired'],
    ]);
  });

  it('trusts one CA below a root alone where that is what it was given', async () => {
    const [one, two] = [await acme.device('X1'), await (await acme.sibling()).device('X1')];
    expect([codeOf(one.chainPem, acme.issuerPem), codeOf(two.chainPem, acme.issuerPem)]).toEqual([
      'X1',
      'cert_untrusted',
    ]);
    expect(codeOf(two.chainPem)).toBe('X1');
    const authorities = [acme.rootPem, acme.issuerPem].map((pem) => ({ pem }));
    for (const order of [authorities, authorities.toReversed()]) {
      const { authority } = verifyDevice({ chain: pemToDer(one.chainPem), authorities: order, now });
      expect(authority.pem, 'the closest of two').toBe(acme.issuerPem);
    }
  });

  it('knows a device again by its subject and by who issued it, whatever its key', async () => {
    const identities = [
      await acme.device('X1'),
      await acme.device('X1', { key: rsaOf(2048) }),
      await acme.device('x1'),
      await (await acme.sibling()).device('X1'),
    ].map(({ chainPem }) => check(chainPem).identity);
    const [first, again, ...others] = identities;
    expect(again).toBe(first);
    expect(new Set([first, ...others]).size).toBe(3);
  });

  it('answers a chain with any byte changed, and garbage, with a code', async () => {
    const { chainPem } = await acme.device('X1');
    const [leaf = new Uint8Array(), issuer = new Uint8Array()] = pemToDer(chainPem);
    const outcome = (chain: Uint8Array[]): string => {
      try {
        return verifyDevice({ chain, authorities: [{ pem: acme.rootPem }], now }).serial;
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    for (const [which, der] of [leaf, issuer].entries()) {
      for (let at = 0; at < der.length; at += 1) {
        const changed = Uint8Array.from(der, (byte, i) => (i === at ? byte ^ 0x55 : byte));
        expect(outcome(which === 0 ? [changed, issuer] : [leaf, changed])).toMatch(/^cert_/);
      }
    }
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 6 }), (chain) => {
        expect(outcome(chain)).toMatch(/^cert_(missing|untrusted)$/);
      }),
    );
  });
});

describe('readDeviceAuthority', () => {
  it('says which of its certificates are trusted by themselves', () => {
    const anchors = (pem: string) => readDeviceAuthority(pem, now).map(({ anchor }) => anchor);
    expect([anchors(acme.bundle), anchors(acme.issuerPem), anchors(acme.issuerPem + acme.rootPem)]).toEqual([
      ...[[true, false], [true], [false, true]],
    ]);
    expect(readDeviceAuthority(acme.rootPem, now)).toMatchObject([{ subject: 'CN=Acme Root, O=Acme' }]);
  });

  it('refuses what devices cannot be checked by', async () => {
    const { leafPem, keyPem } = await acme.device('X1');
    const read =
      (pem: string, at = now) =>
      () =>
        readDeviceAuthority(pem, at);
    const damaged = derToPem(pemToDer(acme.rootPem)[0] ?? new Uint8Array()).replace(/[A-Za-z]{8}/, 'AAAAAAAA');
    for (const [refused, why] of [
      [read(''), /no PEM certificate/],
      [read('hello'), /no PEM certificate/],
      [read(damaged), /./],
      [read(acme.bundle + leafPem), /X1.* is not a CA/],
      [read(acme.bundle + keyPem), /a PRIVATE KEY in it/],
      [read(acme.bundle, new Date(now.getTime() + 11 * year)), /was valid until/],
      [read((await Manufacturer.create({ name: 'x'.repeat(500), from: now })).rootPem), /is too long/],
      [read(acme.bundle.repeat(5)), /10 certificates in it, of at most 8/],
    ] as const) {
      expect(refused).toThrow(
        expect.objectContaining({ code: 'invalid_request', message: expect.stringMatching(why) }),
      );
    }
    fc.assert(
      fc.property(fc.string({ maxLength: 300 }), (text) => {
        const pem = `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----\n`;
        expect(read(pem)).toThrow(expect.objectContaining({ code: 'invalid_request' }));
      }),
    );
  });
});
