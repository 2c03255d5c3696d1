import { type AuthorityMaterial, createAuthority, fingerprintsIn, linkRoots } from '@netport/pki';
import type { TrustDomain } from '@netport/protocol';
import { beforeAll, describe, expect, it } from 'vitest';
import { certificatesOf, reviseRoots } from './roots.js';

const now = new Date('2030-06-01T12:00:00Z');
let [old, next, stranger, another] = [] as unknown as [
  AuthorityMaterial,
  AuthorityMaterial,
  AuthorityMaterial,
  AuthorityMaterial,
];
let link: string;

beforeAll(async () => {
  const make = (generation: number, domain = 'test.internal') =>
    createAuthority({ trustDomain: domain as TrustDomain, now, generation });
  [old, next, stranger, another] = await Promise.all([make(1), make(2), make(2), make(1, 'another.internal')]);
  link = await linkRoots({ rootPem: next.rootPem, by: old, now });
});

const fingerprints = (...authorities: AuthorityMaterial[]): string[] =>
  authorities.map(({ rootPem }) => fingerprintsIn(rootPem).join());
const held = (pem: string): string[] => certificatesOf(pem).flatMap((one) => fingerprintsIn(String(one)));

describe('the roots that a login trusts', () => {
  it('get a new one that the old one vouches for, once', () => {
    const offered = old.rootPem + next.rootPem + link;
    const { ca, added, trusted } = reviseRoots(old.rootPem, offered, now);
    expect(held(ca)).toEqual(fingerprints(old, next));
    expect([added, trusted]).toEqual([fingerprints(next), fingerprints(old, next)]);
    expect(reviseRoots(ca, offered, now)).toEqual({ ca, trusted, added: [], dropped: 0 });
  });

  it('lose the retired one, and one that was taken back', () => {
    const both = old.rootPem + next.rootPem;
    expect(held(reviseRoots(both, next.rootPem, now).ca)).toEqual(fingerprints(next));
    expect(held(reviseRoots(both, old.rootPem, now).ca)).toEqual(fingerprints(old));
    expect(reviseRoots(both, old.rootPem, now).dropped).toBe(1);
    expect(held(reviseRoots(old.rootPem, next.rootPem + link, now).ca)).toEqual(fingerprints(next));
  });

  it('never lose the last, nor what is of another trust domain', () => {
    const unchanged = { ca: old.rootPem, trusted: [], added: [], dropped: 0 };
    expect(reviseRoots(old.rootPem, stranger.rootPem + link, now)).toEqual(unchanged);
    expect(reviseRoots(old.rootPem, '', now)).toEqual(unchanged);
    const { ca } = reviseRoots(another.rootPem + old.rootPem, next.rootPem + link, now);
    expect(held(ca)).toEqual(fingerprints(another, next));
  });

  it('may stand in a file with a hundred others', () => {
    const many = another.rootPem.repeat(100) + old.rootPem;
    expect(reviseRoots(many, old.rootPem + next.rootPem + link, now).added).toEqual(fingerprints(next));
  });
});
