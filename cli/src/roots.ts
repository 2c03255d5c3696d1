import { X509Certificate } from 'node:crypto';
import { acceptAuthorities } from '@netport/pki';
import { asNetportError } from '@netport/protocol';

/** What a login's CA becomes when it is offered CA certificates. Roots are fingerprints. */
export interface RootsRevision {
  ca: string;
  /** Those that were offered and are trusted; none where they are not what this login is about. */
  trusted: readonly string[];
  /** Of these, the new ones. */
  added: readonly string[];
  /** How many retired roots are gone from it. */
  dropped: number;
}

const block = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** The certificates of a PEM bundle. */
export const certificatesOf = (pem: string): X509Certificate[] =>
  [...pem.matchAll(block)].map(([text]) => new X509Certificate(text));

const fingerprintOf = ({ fingerprint256 }: X509Certificate): string => fingerprint256.replaceAll(':', '').toLowerCase();

/** The roots of a trust domain have it as their organisation. */
const domainOf = ({ subject }: X509Certificate): string | undefined => /^O=(.*)$/m.exec(subject)?.[1];

const bundle = (certificates: readonly X509Certificate[]): string => certificates.map(String).join('');

const without = (certificates: readonly X509Certificate[], others: readonly X509Certificate[]): X509Certificate[] => {
  const left = new Set(others.map(fingerprintOf));
  return certificates.filter((one) => !left.has(fingerprintOf(one)));
};

/**
 * Adds the new roots in `offered` that those in `ca` vouch for, and drops what was retired. Both are PEM; it does not matter who
 * offers it. Throws `protocol_error` or `too_large`.
 */
export function reviseRoots(ca: string, offered: string, now: Date): RootsRevision {
  const held = certificatesOf(ca);
  const trusted = acceptedOf(held, offered, now);
  const domains = new Set(trusted.map(domainOf));
  const added = without(trusted, held);
  // Another certificate in the file is somebody else's business.
  const retired = without(held, trusted).filter((one) => domains.has(domainOf(one)));
  const changed = added.length > 0 || retired.length > 0;
  return {
    ca: changed ? bundle([...without(held, retired), ...added]) : ca,
    trusted: trusted.map(fingerprintOf),
    added: added.map(fingerprintOf),
    dropped: retired.length,
  };
}

/** None where a proxy with a public certificate stands before the control server: then its roots are not what this login is about. */
function acceptedOf(held: readonly X509Certificate[], offered: string, now: Date): X509Certificate[] {
  try {
    const { rootPems } = acceptAuthorities({ trusted: bundle(held), offered, offeredBy: 'anybody', now });
    return rootPems.map((pem) => new X509Certificate(pem));
  } catch (thrown) {
    if (asNetportError(thrown).code === 'cert_untrusted') return [];
    throw thrown;
  }
}
