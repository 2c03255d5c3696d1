import { asNetportError, limits, NetportError } from '@netport/protocol';
import { succeeds } from './authority-material.js';
import { fingerprintOf, issued, type Link, parse } from './verify.js';
import { derToPem, pemToDer } from './x509.js';

/** The CA certificates that one side works with: one root, or two while one takes the place of the other. PEM, one in each. */
export interface Authorities {
  rootPems: string[];
  /** What may complete a path to them. */
  issuerPems: string[];
}

/** The fingerprints of every certificate in a bundle, in its order: SHA-256, hexadecimal. */
export const fingerprintsIn = (bundle: string): string[] => pemToDer(bundle).map((der) => fingerprintOf(parse(der)));

/**
 * What a side that trusts the roots in `trusted` may believe of the CA certificates that it is offered (both PEM bundles): the
 * roots among them that it trusts already, and those whose key a root that it trusts has certified (RFC 4210 §4.4). From
 * anybody, a root has to have come after the one that certified it: the key of a retired root may be in a thief's hands, and so
 * may the link that leads back to it. Only who is told of an older root by a control server that he believes needs that link.
 * Throws `cert_untrusted` when no root is left, `too_large` or `protocol_error`.
 */
export function acceptAuthorities(options: {
  trusted: string;
  offered: string;
  /** Whether they came over a session with a control server that is believed. */
  offeredBy: 'control-server' | 'anybody';
  now: Date;
}): Authorities {
  if (options.offered.length > limits.authoritiesBytes)
    throw new NetportError('too_large', 'a bundle of CA certificates is too large');
  const trusted = read(options.trusted);
  const offered = read(options.offered);
  const valid = ({ parsed }: Link): boolean => parsed.notBefore <= options.now && options.now <= parsed.notAfter;
  const candidates = offered.filter(isSelfSigned);
  const links = offered.filter((link) => link.native.ca && !candidates.includes(link) && valid(link));
  const known = new Set(trusted.map(fingerprintOf));
  const roots = candidates.filter((root) => known.has(fingerprintOf(root)));
  const believed = [...trusted.filter(valid)];
  let found: Link[];
  // Again and again: a root may be vouched for by one that was only just believed.
  do {
    found = candidates.filter((root) => !roots.includes(root) && valid(root) && vouched(root));
    roots.push(...found);
    believed.push(...found);
  } while (found.length > 0);
  if (roots.length === 0) {
    throw new NetportError('cert_untrusted', 'none of the root CAs that were offered is one that is trusted here');
  }
  const issuers = links.filter((link) => !candidates.some((root) => sameKey(root, link)));
  return { rootPems: roots.map(toPem), issuerPems: issuers.map(toPem) };

  function vouched(root: Link): boolean {
    return links.some((link) => sameKey(root, link) && believed.some((by) => vouches(by, link)));
  }

  function vouches(by: Link, link: Link): boolean {
    if (options.offeredBy === 'anybody' && !succeeds(link.parsed.subject, by.parsed.subject)) return false;
    return issued(by, link, 1);
  }
}

function read(bundle: string): Link[] {
  try {
    return pemToDer(bundle).map(parse);
  } catch (thrown) {
    throw asNetportError(thrown, 'protocol_error', 'a CA certificate cannot be read');
  }
}

const toPem = ({ native }: Link): string => derToPem(native.raw);

const isSelfSigned = (link: Link): boolean => link.native.ca && issued(link, link, 1);

const sameKey = (a: Link, b: Link): boolean =>
  a.parsed.subject === b.parsed.subject &&
  Buffer.from(a.parsed.publicKey.rawData).equals(Buffer.from(b.parsed.publicKey.rawData));
