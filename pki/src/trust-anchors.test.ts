import type { TrustDomain } from '@netport/protocol';
import { beforeAll, expect, it } from 'vitest';
import { certificateFingerprint } from './authority.js';
import { type AuthorityMaterial, createAuthority, linkRoots, succeeds } from './authority-material.js';
import { acceptAuthorities, fingerprintsIn } from './trust-anchors.js';
import { pemToDer } from './x509.js';

const now = new Date('2030-06-01T12:00:00Z');
const trustDomain = 'test.internal' as TrustDomain;
let [first, second, third, stranger] = [] as unknown as [
  AuthorityMaterial,
  AuthorityMaterial,
  AuthorityMaterial,
  AuthorityMaterial,
];
/** NewWithOld and OldWithNew of the first two; then the third by the second. */
let [newWithOld, oldWithNew, thirdWithSecond] = ['', '', ''];

beforeAll(async () => {
  const make = (generation: number) => createAuthority({ trustDomain, now, generation });
  [first, second, third, stranger] = await Promise.all([make(1), make(2), make(3), make(2)]);
  newWithOld = await linkRoots({ rootPem: second.rootPem, by: first, now });
  oldWithNew = await linkRoots({ rootPem: first.rootPem, by: second, now });
  thirdWithSecond = await linkRoots({ rootPem: third.rootPem, by: second, now });
});

const fingerprint = (pem: string): string => certificateFingerprint(pemToDer(pem)[0] ?? new Uint8Array());
const acceptedFrom = (offeredBy: 'control-server' | 'anybody', trusted: string, ...offered: string[]) => {
  const { rootPems } = acceptAuthorities({ trusted, offered: offered.join(''), offeredBy, now });
  return rootPems.map(fingerprint).sort();
};
const accepted = (trusted: string, ...offered: string[]) => acceptedFrom('control-server', trusted, ...offered);
const both = () => [first.rootPem, second.rootPem].map(fingerprint).sort();

it('a root is believed when one that is trusted has certified its key, in either direction, in any order', () => {
  const everything = [newWithOld, second.rootPem, second.issuerPem, first.issuerPem, first.rootPem, oldWithNew];
  expect(accepted(first.rootPem, ...everything)).toEqual(both());
  expect(accepted(second.rootPem, ...everything)).toEqual(both());
  expect(accepted(first.rootPem, ...everything.reverse())).toEqual(both());
  expect(acceptedFrom('anybody', first.rootPem, ...everything)).toEqual(both());
  const offered = everything.join('');
  const { issuerPems } = acceptAuthorities({ trusted: first.rootPem, offered, offeredBy: 'anybody', now });
  expect(issuerPems.map(fingerprint).sort()).toEqual([first.issuerPem, second.issuerPem].map(fingerprint).sort());
});

it('over one that is believed, others are; and a root that is not offered any more is dropped', () => {
  expect(accepted(first.rootPem, third.rootPem, thirdWithSecond, second.rootPem, newWithOld)).toEqual(
    [second.rootPem, third.rootPem].map(fingerprint).sort(),
  );
  expect(accepted(first.rootPem + second.rootPem, second.rootPem)).toEqual([fingerprint(second.rootPem)]);
});

it('nothing makes a stranger’s root believed', async () => {
  const forged = await linkRoots({ rootPem: stranger.rootPem, by: second, now });
  // Of the same name as the second one: its own link, another's, and one that only a stranger has signed.
  for (const links of [
    [newWithOld],
    [newWithOld, forged],
    [await linkRoots({ rootPem: stranger.rootPem, by: stranger, now })],
  ]) {
    expect(accepted(first.rootPem, first.rootPem, stranger.rootPem, ...links)).toEqual([fingerprint(first.rootPem)]);
  }
  expect(() => accepted(first.rootPem, stranger.rootPem, forged)).toThrow(/none of the root CAs/);
  expect(() => accepted(first.rootPem, stranger.rootPem, stranger.issuerPem, first.issuerPem)).toThrow(/none of the/);
  expect(() => accepted(first.rootPem, '')).toThrow(/none of the root CAs/);
});

it('nobody is led back to a root that came before, but by a control server that is believed', async () => {
  const everything = [first.rootPem, newWithOld, second.rootPem, oldWithNew];
  expect(acceptedFrom('anybody', second.rootPem, ...everything)).toEqual([fingerprint(second.rootPem)]);
  expect(() => acceptedFrom('anybody', second.rootPem, first.rootPem, oldWithNew)).toThrow(/none of the root CAs/);
  // Nor to one that a thief of the older key has made since.
  const thirdWithFirst = await linkRoots({ rootPem: third.rootPem, by: first, now });
  expect(acceptedFrom('anybody', second.rootPem, ...everything, third.rootPem, thirdWithFirst)).toEqual([
    fingerprint(second.rootPem),
  ]);
});

it.each([
  ['CN=Netport root CA G2, O=test.internal', 'CN=Netport root CA, O=test.internal', true],
  ['CN=Netport root CA G10, O=test.internal', 'CN=Netport root CA G9, O=test.internal', true],
  ['CN=Netport root CA, O=test.internal', 'CN=Netport root CA, O=test.internal', false],
  ['CN=Netport root CA G2, O=another.internal', 'CN=Netport root CA, O=test.internal', false],
  ['CN=Netport issuing CA G2, O=test.internal', 'CN=Netport root CA, O=test.internal', false],
  ['CN=Some CA G2, O=Corporation', 'CN=Some CA, O=Corporation', false],
])('by its name %s comes after %s: %s', (name, other, expected) => {
  expect(succeeds(name, other)).toBe(expected);
});

it('a link counts only while it and both roots are valid', () => {
  const late = {
    trusted: first.rootPem,
    offeredBy: 'anybody' as const,
    offered: second.rootPem + newWithOld + first.rootPem,
  };
  const inElevenYears = new Date(now.getTime() + 11 * 365 * 86_400_000);
  expect(acceptAuthorities({ ...late, now: inElevenYears }).rootPems.map(fingerprint)).toEqual([
    fingerprint(first.rootPem),
  ]);
});

it('what is no bundle of certificates, or too large, is refused with a code', () => {
  const offer = (offered: string) => () =>
    acceptAuthorities({ trusted: first.rootPem, offered, offeredBy: 'anybody', now });
  const broken = first.rootPem.replace(/[A-Za-z]{8}\n/, 'AAAAAAAA\n');
  expect(offer(`-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`)).toThrow(/cannot be read/);
  expect(offer(first.rootPem.repeat(100))).toThrow(/too large/);
  expect(offer(broken)).toThrow();
});

it('tells the fingerprints that join tokens carry', () => {
  expect(fingerprintsIn(first.rootPem + second.rootPem)).toEqual([first.rootPem, second.rootPem].map(fingerprint));
});
