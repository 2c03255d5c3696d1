import { X509Certificate } from 'node:crypto';
import type { AuthorityView, RootView } from '@netport/protocol';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Certificate, linkOf, missing, selfSigned } from '../test/control-double.js';
import { certificatesOf, reviseRoots } from './roots.js';

const fingerprint = (pem: string): string => new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase();

const rootOf = (pem: string, state: RootView['state'], linkPem?: string): RootView => ({
  fingerprint: fingerprint(pem),
  state,
  notBefore: '2030-01-31T12:00:00Z',
  notAfter: '2040-01-31T12:00:00Z',
  pem,
  ...(linkPem !== undefined && { linkPem }),
});

describe.skipIf(missing)(`the roots that a login trusts${missing ? ` (${missing})` : ''}`, () => {
  let old: Certificate;
  let next: Certificate;
  let stranger: Certificate;
  let link: string;
  /** The certificates are made a moment later. */
  const now = Date.now() + 60_000;

  beforeAll(() => {
    [old, next, stranger] = [selfSigned(), selfSigned(), selfSigned()];
    link = linkOf(old, next);
  });

  const published = (root: RootView): Pick<AuthorityView, 'phase' | 'roots'> => ({
    phase: 'published',
    roots: [rootOf(old.cert, 'current'), root],
  });
  const held = (pem: string): string[] => certificatesOf(pem).map((one) => fingerprint(one.toString()));

  it('get a new one that the old one vouches for, once', () => {
    const view = published(rootOf(next.cert, 'next', link));
    const { ca, added, refused } = reviseRoots(old.cert, view, now);
    expect(held(ca)).toEqual([old.cert, next.cert].map(fingerprint));
    expect(added).toHaveLength(1);
    expect(refused).toBeUndefined();
    expect(reviseRoots(ca, view, now)).toEqual({ ca, added: [], dropped: 0 });
  });

  it('lose the retired one, and one that was taken back', () => {
    const both = old.cert + next.cert;
    const after = (root: Certificate) =>
      reviseRoots(both, { phase: 'stable', roots: [rootOf(root.cert, 'current')] }, now);
    expect(held(after(next).ca)).toEqual([fingerprint(next.cert)]);
    expect(held(after(old).ca)).toEqual([fingerprint(old.cert)]);
    expect(after(old).dropped).toBe(1);
  });

  it('never lose the last, nor what is not of that control server', () => {
    const only = { phase: 'stable' as const, roots: [rootOf(next.cert, 'current', link)] };
    expect(reviseRoots(old.cert, only, now)).toEqual({ ca: old.cert, added: [], dropped: 0 });
    const other = selfSigned('IP:127.0.0.1', 'another.test');
    expect(held(reviseRoots(other.cert + next.cert, only, now).ca)).toEqual([other.cert, next.cert].map(fingerprint));
  });

  it.each<[why: string, root: () => RootView, when?: number]>([
    ['shows no certificate that links', () => rootOf(next.cert, 'next')],
    ['cannot be read', () => rootOf(next.cert, 'next', 'no certificate')],
    ['its fingerprint is another', () => ({ ...rootOf(next.cert, 'next', link), fingerprint: fingerprint(link) })],
    ['no root CA', () => rootOf(link, 'next', link)],
    ['its link is for another key', () => rootOf(stranger.cert, 'next', link)],
    ['no root that you trust has signed', () => rootOf(next.cert, 'next', linkOf(stranger, next))],
    ['no root that you trust has signed', () => rootOf(next.cert, 'next', next.cert)],
    ['not valid now', () => rootOf(next.cert, 'next', link), now + 3 * 86_400_000],
  ])('do not get one of which it is true: %s', (why, root, when = now) => {
    const { ca, added, refused } = reviseRoots(old.cert, published(root()), when);
    expect(refused?.why).toContain(why);
    expect({ ca, added }).toEqual({ ca: old.cert, added: [] });
  });
});
