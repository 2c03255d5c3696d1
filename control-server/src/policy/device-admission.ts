import { type Name, NetportError, nameSchema } from '@netport/protocol';

/**
 * The portal that a device is: the prefix of its authority and what its manufacturer calls it, in small letters, with - for
 * whatever a name cannot have. Two devices may come out alike: `checkAdmission` lets in the first. Throws `cert_wrong_name`.
 */
export function portalOfDevice(prefix: string, serial: string): Name {
  const rest = serial
    .replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
  const name = nameSchema.safeParse(prefix + rest);
  if (name.success) return name.data;
  throw new NetportError(
    'cert_wrong_name',
    `the device "${serial}" would be the portal "${prefix}${rest}", which is no name: let it enrol with a join token`,
  );
}

/** What is known when a device asks to become a portal. */
export interface Admission {
  name: Name;
  /** What tells this device from others. */
  identity: string;
  autoAdd: boolean;
  member: { createdAt: Date; revokedAt: Date | null } | undefined;
  /** Of the device that the portal is. */
  boundIdentity: string | undefined;
  /** What this device is already. */
  boundPortal: Name | undefined;
  /** The newest that a portal of this name had. */
  certificate: { revokedAt: Date | null } | undefined;
}

/**
 * Whether a device may be this portal. In this order: it is no other portal; the portal is there, or may be added and was not
 * removed; it was not revoked; it is no other device, nor somebody who came with a join token. Throws `cert_wrong_name`,
 * `cert_revoked` or `forbidden`.
 */
export function checkAdmission({
  name,
  identity,
  autoAdd,
  member,
  boundIdentity,
  boundPortal,
  certificate,
}: Admission): void {
  if (boundPortal !== undefined && boundPortal !== name) {
    throw new NetportError(
      'cert_wrong_name',
      `this device is the portal ${boundPortal}: remove that before it can be ${name}`,
    );
  }
  if (!member && certificate) {
    throw new NetportError(
      'cert_revoked',
      `the portal ${name} was removed: netport portal add ${name} lets it in again`,
    );
  }
  if (!member && !autoAdd) {
    throw new NetportError('forbidden', `no portal is named ${name}: netport portal add ${name} lets this device in`);
  }
  if (!member) return;
  if (member.revokedAt) {
    const message = `the portal ${name} was revoked: a join token lets it in again (netport portal token ${name})`;
    throw new NetportError('cert_revoked', message);
  }
  if (boundIdentity === identity) return;
  if (boundIdentity !== undefined) {
    const message = `the portal ${name} is another device: give this one a join token, or remove that and add it again`;
    throw new NetportError('cert_wrong_name', message);
  }
  // Those of a portal of this name that was removed do not count.
  if (certificate && !(certificate.revokedAt && certificate.revokedAt <= member.createdAt)) {
    const message = `the portal ${name} enrolled with a join token: remove it and add it again to let a device be it`;
    throw new NetportError('cert_wrong_name', message);
  }
}
