import { createHash } from 'node:crypto';
import { asNetportError, limits, NetportError } from '@netport/protocol';
import { usages } from './profile.js';
import { buildPath, checkValidity, describe, fingerprintOf, type Link, parse, parseBundle } from './verify.js';
import { derToPem, pemToDer, x509 } from './x509.js';

/** A device that has shown the certificate of its manufacturer (IDevID, IEEE 802.1AR). */
export interface Device<A> {
  /** Which of the authorities vouches for it. */
  authority: A;
  /** The `serialNumber` in its subject, or else its common name: what the manufacturer calls it. */
  serial: string;
  subject: string;
  /** SHA-256 over the issuer's key and the subject: another certificate for the same device has the same one. */
  identity: string;
  fingerprint: string;
}

export interface DeviceCheck<A> {
  /** DER, leaf first, as the TLS client presented it. */
  chain: readonly Uint8Array[];
  /** The CA certificates of each, as `readDeviceAuthority` takes them. */
  authorities: readonly A[];
  now: Date;
}

/**
 * Which device a chain is of. In this order: chain up to an authority (`cert_untrusted`), keys and hashes that cannot be forged
 * (`cert_untrusted`), validity of each link (`cert_not_yet_valid`, `cert_expired`), usage (`cert_wrong_usage`), subject (`cert_wrong_name`).
 */
export function verifyDevice<A extends { pem: string }>(check: DeviceCheck<A>): Device<A> {
  try {
    return verified(check);
  } catch (thrown) {
    throw asNetportError(thrown, 'cert_untrusted', 'the device certificate cannot be read');
  }
}

function verified<A extends { pem: string }>({ chain, authorities, now }: DeviceCheck<A>): Device<A> {
  const { authority, path } = shortestPath(chain.map(parse), authorities);
  const [leaf, issuer = leaf] = path;
  for (const link of path) {
    refuseWeakKey(link);
    checkValidity(link, now);
  }
  // Who is trusted is trusted whatever its own certificate is signed with, and for.
  for (const link of path.slice(0, -1)) {
    refuseWeakHash(link);
    checkExtendedUsage(link);
  }
  const keyUsage = leaf.parsed.getExtension(x509.KeyUsagesExtension);
  if (keyUsage && !(keyUsage.usages & x509.KeyUsageFlags.digitalSignature)) {
    throw new NetportError('cert_wrong_usage', `the key of ${describe(leaf)} is not for signatures`);
  }
  return {
    authority,
    serial: serialOf(leaf),
    // By its usual name, which the library does not know.
    subject: new x509.Name(leaf.parsed.subjectName.toArrayBuffer(), { serialNumber: '2.5.4.5' }).toString(),
    identity: createHash('sha256')
      .update(issuer.native.publicKey.export({ type: 'spki', format: 'der' }))
      .update(new Uint8Array(leaf.parsed.subjectName.toArrayBuffer()))
      .digest('hex'),
    fingerprint: fingerprintOf(leaf),
  };
}

/** Where several lead to a trusted CA, the one that is closest to the device says the most about it. */
function shortestPath<A extends { pem: string }>(presented: Link[], authorities: readonly A[]) {
  const paths: { authority: A; path: [Link, ...Link[]] }[] = [];
  let refusal: unknown = new NetportError('cert_untrusted', 'no device authority is known here');
  for (const authority of authorities) {
    const { anchors, intermediates } = partsOf(parseBundle(authority.pem));
    try {
      paths.push({ authority, path: buildPath(presented, anchors, intermediates) });
    } catch (thrown) {
      refusal = thrown;
    }
  }
  const [shortest] = paths.sort((one, other) => one.path.length - other.path.length);
  if (shortest) return shortest;
  throw refusal;
}

/** What is trusted by itself: roots, and whatever no other one of the bundle has issued. */
function partsOf(bundle: readonly Link[]): { anchors: Link[]; intermediates: Link[] } {
  const isAnchor = (link: Link): boolean =>
    link.native.checkIssued(link.native) ||
    !bundle.some((other) => other !== link && link.native.checkIssued(other.native));
  return { anchors: bundle.filter(isAnchor), intermediates: bundle.filter((link) => !isAnchor(link)) };
}

/** RFC 5280 wants it of the leaf; a CA that is for something else alone must not make devices either, as OpenSSL has it. */
function checkExtendedUsage(link: Link): void {
  const extended = link.parsed.getExtension(x509.ExtendedKeyUsageExtension);
  if (!extended || extended.usages.some((usage) => usage === usages.client || usage === anyUsage)) return;
  throw new NetportError('cert_wrong_usage', `the certificate ${describe(link)} is not for a TLS client`);
}

const anyUsage = '2.5.29.37.0';

function refuseWeakKey(link: Link): void {
  const { asymmetricKeyType, asymmetricKeyDetails } = link.native.publicKey;
  const bits = asymmetricKeyType?.startsWith('rsa') ? (asymmetricKeyDetails?.modulusLength ?? 0) : limits.deviceRsaBits;
  if (bits >= limits.deviceRsaBits) return;
  throw new NetportError(
    'cert_untrusted',
    `the RSA key of ${describe(link)} has less than ${limits.deviceRsaBits} bits`,
  );
}

function refuseWeakHash(link: Link): void {
  const { name, hash } = link.parsed.signatureAlgorithm;
  if (/^(?:Ed|EdDSA)/.test(name) || /^SHA-(?:256|384|512)$/.test(hash?.name ?? '')) return;
  throw new NetportError(
    'cert_untrusted',
    `${describe(link)} is signed with ${hash?.name ?? name}, not with SHA-256 or better`,
  );
}

function serialOf({ parsed }: Link): string {
  const serials = parsed.subjectName.getField('2.5.4.5');
  const names = serials.length > 0 ? serials : parsed.subjectName.getField('2.5.4.3');
  const [serial] = names;
  if (serial !== undefined && names.length === 1) return serial;
  throw new NetportError('cert_wrong_name', `"${parsed.subject}" has neither one serialNumber nor one common name`);
}

export interface AuthorityCertificate {
  subject: string;
  /** SHA-256, hexadecimal. */
  fingerprint: string;
  notAfter: Date;
  /** Trusted by itself; the others only complete the path to one that is. */
  anchor: boolean;
}

/** The CA certificates in a PEM bundle that devices are to be checked by. Throws `invalid_request` where one is none, or is not good now. */
export function readDeviceAuthority(pem: string, now: Date): AuthorityCertificate[] {
  try {
    return certificatesIn(pem, now);
  } catch (thrown) {
    const { message } = asNetportError(thrown, 'invalid_request', 'a certificate cannot be read');
    throw new NetportError('invalid_request', message, { cause: thrown });
  }
}

function certificatesIn(pem: string, now: Date): AuthorityCertificate[] {
  const other = /-----BEGIN (?!CERTIFICATE-----)([^-]*)-----/.exec(pem)?.[1];
  if (other !== undefined)
    throw new NetportError('invalid_request', `there is a ${other} in it: only certificates belong here`);
  const links = pemToDer(pem).map(parse);
  if (links.length === 0) throw new NetportError('invalid_request', 'there is no PEM certificate in it');
  if (links.length > limits.deviceAuthorityCertificates) {
    const message = `there are ${links.length} certificates in it, of at most ${limits.deviceAuthorityCertificates}`;
    throw new NetportError('invalid_request', message);
  }
  const { anchors } = partsOf(links);
  return links.map((link) => {
    const { parsed } = link;
    if (!parsed.getExtension(x509.BasicConstraintsExtension)?.ca || !link.native.ca) {
      throw new NetportError(
        'invalid_request',
        `${describe(link)} is not a CA: give the CA that issues device certificates`,
      );
    }
    if (parsed.subjectName.toArrayBuffer().byteLength > limits.deviceAuthoritySubjectBytes) {
      throw new NetportError('invalid_request', `the subject of ${describe(link).slice(0, 60)}… is too long`);
    }
    refuseWeakKey(link);
    checkValidity(link, now);
    const [subject, fingerprint] = [parsed.subject, fingerprintOf(link)];
    return { subject, fingerprint, notAfter: parsed.notAfter, anchor: anchors.includes(link) };
  });
}

/** Those of a bundle that are trusted by themselves, PEM. */
export const anchorsIn = (pem: string): string[] =>
  partsOf(parseBundle(pem)).anchors.map(({ native }) => derToPem(native.raw));
