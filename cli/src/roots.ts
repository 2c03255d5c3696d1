import { X509Certificate } from 'node:crypto';
import type { AuthorityView, RootView } from '@netport/protocol';

/** What a login's CA becomes when the control server shows its roots. */
export interface RootsRevision {
  ca: string;
  added: readonly RootView[];
  /** How many retired roots are gone from it. */
  dropped: number;
  /** A root that the control server shows and nobody vouches for. */
  refused?: { root: RootView; why: string };
}

const block = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** The certificates of a PEM bundle. */
export const certificatesOf = (pem: string): X509Certificate[] =>
  [...pem.matchAll(block)].map(([text]) => new X509Certificate(text));

const fingerprintOf = ({ fingerprint256 }: X509Certificate): string => fingerprint256.replaceAll(':', '').toLowerCase();

/** The roots of a trust domain have it as their organisation. */
const domainOf = ({ subject }: X509Certificate): string | undefined => /^O=(.*)$/m.exec(subject)?.[1];

const bundle = (certificates: readonly X509Certificate[]): string => certificates.map(String).join('');

/** Adds a new root to `ca` if one that is there vouches for it, and drops what was retired. `now` in milliseconds. */
export function reviseRoots(
  ca: string,
  { phase, roots }: Pick<AuthorityView, 'phase' | 'roots'>,
  now: number,
): RootsRevision {
  const held = certificatesOf(ca);
  const shown = new Map(roots.map((root) => [root.fingerprint, root]));
  const present = held.filter((one) => shown.has(fingerprintOf(one)));
  // A proxy with a public certificate may stand before the control server: then its roots are not what this login is about.
  if (present.length === 0) return { ca, added: [], dropped: 0 };

  const fresh = roots.filter(({ fingerprint }) => !present.some((one) => fingerprintOf(one) === fingerprint));
  const judged = fresh.map((root) => ({ root, why: faultOf(root, held, now) }));
  const added = judged.filter(({ why }) => why === undefined).map(({ root }) => root);
  const refused = judged.find(({ why }) => why !== undefined);
  // Another certificate in the file is somebody else's business.
  const isRetired = (one: X509Certificate): boolean =>
    phase === 'stable' && !present.includes(one) && present.some((root) => domainOf(root) === domainOf(one));
  const kept = held.filter((one) => !isRetired(one));
  const dropped = held.length - kept.length;
  const changed = added.length > 0 || dropped > 0;
  return {
    ca: changed ? bundle([...kept, ...added.map(({ pem }) => new X509Certificate(pem))]) : ca,
    added,
    dropped,
    ...(refused?.why !== undefined && { refused: { root: refused.root, why: refused.why } }),
  };
}

/** Why a root is not to be trusted on the word of those in `held`: its link must carry its key, signed by one of them. */
function faultOf({ pem, fingerprint, linkPem }: RootView, held: readonly X509Certificate[], now: number) {
  if (linkPem === undefined) return 'the control server shows no certificate that links it to the root before it';
  let root: X509Certificate;
  let link: X509Certificate;
  try {
    root = new X509Certificate(pem);
    link = new X509Certificate(linkPem);
  } catch {
    return 'it cannot be read';
  }
  if (fingerprintOf(root) !== fingerprint) return 'its fingerprint is another one';
  if (!root.ca || !root.checkIssued(root) || !root.verify(root.publicKey)) return 'it is no root CA';
  if (!link.ca || !link.publicKey.equals(root.publicKey)) return 'its link is for another key';
  if (!isValid(root, now) || !isValid(link, now)) return 'it is not valid now';
  const vouches = (one: X509Certificate): boolean =>
    one.ca && isValid(one, now) && link.checkIssued(one) && link.verify(one.publicKey);
  return held.some(vouches) ? undefined : 'no root that you trust has signed its link';
}

const isValid = ({ validFrom, validTo }: X509Certificate, now: number): boolean =>
  Date.parse(validFrom) <= now && now <= Date.parse(validTo);
