import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type AuthorityMaterial,
  createAuthority,
  encodeCertsOnly,
  fingerprintsIn,
  generateKeyPem,
  linkRoots,
  openAuthority,
  publicKeyOf,
} from '@netport/pki';
import { formatSpiffeId, limits, type Name, type TrustDomain } from '@netport/protocol';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { commandLine } from '../test/command-line.js';
import { type Asked, type Certificate, controlDouble, type Reply } from '../test/control-double.js';

const trustDomain = 'test.internal' as TrustDomain;
const token = 'npa_secret';
const now = new Date();
let [old, next, stranger] = [] as unknown as [AuthorityMaterial, AuthorityMaterial, AuthorityMaterial];
let [newWithOld, oldWithNew] = ['', ''];

beforeAll(async () => {
  const make = (generation: number) => createAuthority({ trustDomain, now, generation });
  [old, next, stranger] = await Promise.all([make(1), make(2), make(2)]);
  newWithOld = await linkRoots({ rootPem: next.rootPem, by: old, now });
  oldWithNew = await linkRoots({ rootPem: old.rootPem, by: next, now });
});

/** What a control server of that authority presents. */
async function certificateOf(material: AuthorityMaterial): Promise<Certificate> {
  const key = generateKeyPem();
  const id = formatSpiffeId({ trustDomain, kind: 'control', name: 'control' as Name });
  const names = ['127.0.0.1'];
  const authority = await openAuthority(material);
  return { key, cert: (await authority.issue({ id, publicKey: publicKeyOf(key), now, names })).chainPem };
}

const certsOnly = (...pems: string[]): Reply => ({ text: Buffer.from(encodeCertsOnly(pems)).toString('base64') });

/** A login that trusts `ca`, and a server of `by` that answers the question for its CA. */
async function setUp(by: AuthorityMaterial, cacerts: () => Reply | undefined, ca = old.rootPem) {
  const folder = await mkdtemp(join(tmpdir(), 'netport-login-'));
  const reply = ({ path }: Asked): Reply | undefined => {
    if (path === '/.well-known/est/cacerts') return cacerts();
    return path === '/api/v1/audit.ndjson' ? { text: '' } : { json: { items: [] } };
  };
  const double = await controlDouble(await certificateOf(by), reply);
  onTestFinished(async () => {
    await double.close();
    await rm(folder, { recursive: true });
  });
  await mkdir(join(folder, 'netport'));
  const file = join(folder, 'netport/credentials.json');
  const before = JSON.stringify({ url: double.url, ca, token });
  await writeFile(file, before);
  return {
    file,
    before,
    double,
    netport: (words: string, env: Record<string, string> = {}) =>
      commandLine(words, { env: { XDG_CONFIG_HOME: folder, ...env } }),
    stored: () => readFile(file, 'utf8'),
  };
}
const fingerprint = ({ rootPem }: AuthorityMaterial): string => fingerprintsIn(rootPem).join();

describe('a login whose control server has a certificate of another root', () => {
  it('follows when its root has certified that one, says so, and asks again', async () => {
    const { netport, stored, double, file } = await setUp(next, () =>
      certsOnly(old.rootPem, next.rootPem, newWithOld, oldWithNew),
    );
    const { code, out, err } = await netport('cert ls');
    expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining('netport portal add') });
    expect(err).toBe(
      `The root CA of ${double.url} was replaced. From now on this login trusts ${fingerprint(next)}, which a root that it trusted has certified: ${file}.\n`,
    );
    expect(double.asked.map(({ path, token: sent }) => [path, sent])).toEqual([
      ['/.well-known/est/cacerts', undefined],
      ['/.well-known/est/cacerts', undefined],
      ['/api/v1/certificates', token],
    ]);
    const { ca, ...rest } = JSON.parse(await stored()) as Record<string, string>;
    expect(fingerprintsIn(ca ?? '')).toEqual([old, next].map(fingerprint));
    expect(rest).toEqual({ url: double.url, token });
    expect(await netport('cert ls')).toMatchObject({ code: 0, err: '' });
    expect(double.asked).toHaveLength(4);
  });

  it('lets go of its root when that is retired, whatever it was about to ask', async () => {
    const { netport, stored } = await setUp(next, () => certsOnly(next.rootPem, newWithOld));
    expect(await netport('audit export')).toMatchObject({ code: 0, err: expect.stringContaining(fingerprint(next)) });
    const { ca } = JSON.parse(await stored()) as { ca: string };
    expect(fingerprintsIn(ca)).toEqual([fingerprint(next)]);
  });

  const links = (options: Parameters<typeof linkRoots>[0]) => linkRoots(options);
  it.each<[what: string, offer: () => Promise<Reply | undefined>]>([
    ['a root without a link', async () => certsOnly(stranger.rootPem, old.rootPem)],
    ['a link to another key', async () => certsOnly(stranger.rootPem, newWithOld)],
    [
      'a link that its own root has signed',
      async () => certsOnly(stranger.rootPem, await links({ rootPem: stranger.rootPem, by: stranger, now })),
    ],
    [
      'a link by a root that is not trusted',
      async () => certsOnly(stranger.rootPem, next.rootPem, await links({ rootPem: stranger.rootPem, by: next, now })),
    ],
    ['a root that is vouched for, but is not its own', async () => certsOnly(next.rootPem, newWithOld)],
    ['much', async () => ({ text: 'A'.repeat(limits.authoritiesBytes + 1) })],
    ['no certificates', async () => ({ text: 'AAAA' })],
    ['an error', async () => ({ status: 500 })],
  ])('does not believe a stranger that offers %s', async (_, offer) => {
    const answer = await offer();
    const { netport, stored, before, double } = await setUp(stranger, () => answer);
    const { code, out, err } = await netport('cert ls');
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(/^error: cannot talk to .*\(cert_untrusted\)\n.*\n$/);
    expect(err).toContain(`netport login ${double.url} --ca root.pem`);
    expect(double.asked.map(({ path, token: sent }) => [path, sent])).toEqual([
      ['/.well-known/est/cacerts', undefined],
    ]);
    expect(await stored()).toBe(before);
  });

  it('does not believe a link that has expired', async () => {
    const then = new Date(now.getTime() - 11 * 365 * 86_400_000);
    const past = await createAuthority({ trustDomain, now: then });
    const expired = await linkRoots({ rootPem: next.rootPem, by: past, now: then });
    const { netport, stored, before } = await setUp(next, () => certsOnly(next.rootPem, expired), past.rootPem);
    expect(await netport('cert ls')).toMatchObject({ code: 1, err: expect.stringContaining('cert_untrusted') });
    expect(await stored()).toBe(before);
  });

  it('is not led back to a retired root, by whoever has its key', async () => {
    const offer = () => certsOnly(old.rootPem, next.rootPem, newWithOld, oldWithNew);
    const { netport, stored, before } = await setUp(old, offer, next.rootPem);
    expect(await netport('cert ls')).toMatchObject({ code: 1, err: expect.stringContaining('cert_untrusted') });
    expect(await stored()).toBe(before);
  });

  it('leaves a CA file alone', async () => {
    const { netport, file, double } = await setUp(next, () => certsOnly(next.rootPem, newWithOld));
    await writeFile(`${file}.pem`, old.rootPem);
    expect(await netport('cert ls', { NETPORT_CA: `${file}.pem` })).toMatchObject({ code: 1 });
    expect(double.asked).toEqual([]);
    expect(await readFile(`${file}.pem`, 'utf8')).toBe(old.rootPem);
  });
});
