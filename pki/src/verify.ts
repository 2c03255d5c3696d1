import { X509Certificate } from 'node:crypto';
import {
  asNetportError,
  formatSpiffeId,
  type Identity,
  type IdentityKind,
  limits,
  NetportError,
  parseSpiffeId,
  type SpiffeId,
  type TrustDomain,
} from '@netport/protocol';
import { usages } from './profile.js';
import type { Revocations } from './revocations.js';
import { pemToDer, x509 } from './x509.js';

export interface Trust {
  rootPems: readonly string[];
  /**
   * Bundles with CA certificates that may complete a path to a root, and are trusted through it alone. Some versions of
   * Node lose what a TLS client presents beyond its leaf (nodejs/node#65579).
   */
  intermediatePems?: readonly string[];
  revocations?: Revocations | undefined;
}

export interface PeerCheck {
  /** DER, leaf first, as the peer presented it; the root may be there or not. */
  chain: readonly Uint8Array[];
  trust: Trust;
  now: Date;
  /** What the peer is in this session; `any` for a signature outside TLS. */
  usage: 'client' | 'server' | 'any';
  /** Exactly one identity, or any identity of some kinds (of one trust domain, where it is known yet). */
  expect: SpiffeId | { kind: IdentityKind | readonly IdentityKind[]; trustDomain?: TrustDomain };
}

export interface PeerIdentity extends Identity {
  id: SpiffeId;
  /** Hexadecimal, lower case. */
  serial: string;
  notAfter: Date;
  /** Of the root that vouches for it: SHA-256, hexadecimal. */
  rootFingerprint: string;
}

/**
 * The one decision on whether a certificate chain is who it should be, for TLS clients, TLS servers and signatures.
 * In this order: chain up to a trusted root (`cert_untrusted`), validity of each link (`cert_not_yet_valid`,
 * `cert_expired`), revocation (`cert_revoked`), usage (`cert_wrong_usage`), identity (`cert_wrong_name`).
 */
export function verifyPeer(check: PeerCheck): PeerIdentity {
  try {
    return verified(check);
  } catch (thrown) {
    // Extensions are decoded when they are looked at: garbage in one surfaces anywhere.
    throw asNetportError(thrown, 'cert_untrusted', 'a certificate of the chain cannot be read');
  }
}

function verified({ chain, trust, now, usage, expect }: PeerCheck): PeerIdentity {
  const authorities = (bundles: readonly string[]): Link[] => bundles.flatMap(parseBundle);
  const path = buildPath(chain.map(parse), authorities(trust.rootPems), authorities(trust.intermediatePems ?? []));
  const [leaf] = path;
  for (const link of path) checkValidity(link, now);

  const serial = leaf.parsed.serialNumber.toLowerCase();
  if (trust.revocations?.serials.has(serial)) {
    throw new NetportError('cert_revoked', `the certificate ${describe(leaf)} was revoked`);
  }

  if (usage !== 'any' && !leaf.native.keyUsage?.includes(usages[usage])) {
    throw new NetportError('cert_wrong_usage', `the certificate ${describe(leaf)} is not for a TLS ${usage}`);
  }

  const identity = identityOf(leaf);
  const id = formatSpiffeId(identity);
  if (!matches(identity, id, expect)) {
    const expected =
      typeof expect === 'string'
        ? expect
        : `a ${[expect.kind].flat().join(' or ')} of ${expect.trustDomain ?? 'any trust domain'}`;
    throw new NetportError('cert_wrong_name', `expected ${expected}, the peer is ${id}`);
  }
  const rootFingerprint = fingerprintOf(path[path.length - 1] ?? leaf);
  return { ...identity, id, serial, notAfter: leaf.parsed.notAfter, rootFingerprint };
}

/** One certificate in both forms: Node's checks signatures synchronously, @peculiar's reads extensions reliably. */
export interface Link {
  native: X509Certificate;
  parsed: x509.X509Certificate;
}

export function parse(der: Uint8Array): Link {
  return { native: new X509Certificate(der), parsed: new x509.X509Certificate(Uint8Array.from(der)) };
}

/** A process believes in few authorities, and asks about them at every connection and policy document. */
const bundles = new Map<string, readonly Link[]>();
const bundlesKept = 16 + limits.deviceAuthorities;

export function parseBundle(pem: string): readonly Link[] {
  const known = bundles.get(pem);
  if (known) return known;
  const links = pemToDer(pem).map(parse);
  const [oldest] = bundles.keys();
  if (bundles.size >= bundlesKept && oldest !== undefined) bundles.delete(oldest);
  bundles.set(pem, links);
  return links;
}

/** From the leaf up to a trusted root, root included. What does not help on the way is ignored. */
export function buildPath(presented: Link[], roots: Link[], intermediates: Link[]): [Link, ...Link[]] {
  const [leaf, ...rest] = presented;
  const candidates = [...rest, ...intermediates];
  if (!leaf) throw new NetportError('cert_missing', 'the peer presented no certificate');
  if (presented.length > limits.chainLength) throw new NetportError('cert_untrusted', 'the chain is too long');
  if (leaf.native.ca) throw new NetportError('cert_wrong_usage', 'a CA certificate is nobody’s identity');

  const path: [Link, ...Link[]] = [leaf];
  let current = leaf;
  while (path.length < limits.chainLength) {
    refuseUnknownCriticalExtensions(current);
    const root = roots.find((authority) => issued(authority, current, path.length));
    if (root) return [...path, root];
    const next = candidates.find((authority) => issued(authority, current, path.length));
    if (!next) break;
    path.push(next);
    current = next;
  }
  throw new NetportError('cert_untrusted', `no trusted root CA has issued ${describe(leaf)}`);
}

/** Whether `authority` is a CA that signed `subject`, which has `depth` − 1 certificates of CAs below `authority`. */
export function issued(authority: Link, subject: Link, depth: number): boolean {
  const constraints = authority.parsed.getExtension(x509.BasicConstraintsExtension);
  if (!constraints?.ca || (constraints.pathLength ?? Number.POSITIVE_INFINITY) < depth - 1) return false;
  // checkIssued compares names and key identifiers and wants keyCertSign; verify checks the signature itself.
  return subject.native.checkIssued(authority.native) && subject.native.verify(authority.native.publicKey);
}

/** Basic constraints, key usage, extended key usage, SAN, key identifiers: RFC 5280 §4.2 refuses what it cannot process. */
const understood = new Set(['2.5.29.19', '2.5.29.15', '2.5.29.37', '2.5.29.17', '2.5.29.14', '2.5.29.35']);

function refuseUnknownCriticalExtensions({ parsed }: Link): void {
  const unknown = parsed.extensions.find((extension) => extension.critical && !understood.has(extension.type));
  if (unknown) throw new NetportError('cert_untrusted', `unknown critical extension ${unknown.type}`);
}

export function checkValidity(link: Link, now: Date): void {
  const { notBefore, notAfter } = link.parsed;
  const here = `the clock here says ${now.toISOString()}`;
  if (now < notBefore) {
    throw new NetportError('cert_not_yet_valid', `${describe(link)} is valid from ${notBefore.toISOString()}, ${here}`);
  }
  if (now > notAfter) {
    throw new NetportError('cert_expired', `${describe(link)} was valid until ${notAfter.toISOString()}, ${here}`);
  }
}

/** The SPIFFE ID of a leaf: exactly one URI name (SPIFFE X509-SVID §2), and one of ours. */
function identityOf(leaf: Link): Identity {
  const names = leaf.parsed.getExtension(x509.SubjectAlternativeNameExtension)?.names.items ?? [];
  const uris = names.filter((name) => name.type === 'url');
  const identity = uris.length === 1 ? parseSpiffeId(uris[0]?.value ?? '') : undefined;
  if (!identity)
    throw new NetportError('cert_wrong_name', `the certificate ${describe(leaf)} has no Netport SPIFFE ID`);
  return identity;
}

function matches(identity: Identity, id: SpiffeId, expect: PeerCheck['expect']): boolean {
  if (typeof expect === 'string') return id === expect;
  const { kind, trustDomain = identity.trustDomain } = expect;
  return identity.trustDomain === trustDomain && [kind].flat().includes(identity.kind);
}

/** SHA-256 of its DER, hexadecimal. */
export const fingerprintOf = ({ native }: Link): string => native.fingerprint256.replaceAll(':', '').toLowerCase();

export const describe = ({ parsed }: Link): string => parsed.subject || `with serial ${parsed.serialNumber}`;
