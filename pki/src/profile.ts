import { isIP } from 'node:net';
import type { IdentityKind, SpiffeId } from '@netport/protocol';
import { x509 } from './x509.js';

/** Extended key usages (RFC 5280 §4.2.1.12). */
export const usages = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' } as const;

/** What each kind of identity may do with TLS. Portals are servers to each other; nobody serves as a relay or admin. */
const leafUsages: Record<IdentityKind, readonly string[]> = {
  control: [usages.server],
  portal: [usages.client, usages.server],
  relay: [usages.client],
  admin: [usages.client],
};

/** Extensions of a CA certificate. `pathLength` is how many CAs may follow below it. */
export const caExtensions = (pathLength: number): x509.Extension[] => [
  new x509.BasicConstraintsExtension(true, pathLength, true),
  new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
];

/** Extensions of a leaf. `names` are the DNS names and IP addresses of a control server, for browsers and curl. */
export function leafExtensions(kind: IdentityKind, id: SpiffeId, names: readonly string[]): x509.Extension[] {
  const alternativeNames: x509.JsonGeneralNames = [{ type: 'url', value: id }];
  for (const name of names) alternativeNames.push({ type: isIP(name) ? 'ip' : 'dns', value: name });
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension([...leafUsages[kind]]),
    new x509.SubjectAlternativeNameExtension(alternativeNames),
  ];
}
