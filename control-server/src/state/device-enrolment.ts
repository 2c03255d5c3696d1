import { checkCsr, type Device, type Issued, verifyDevice } from '@netport/pki';
import { limits, type Name, NetportError } from '@netport/protocol';
import { checkAdmission, portalOfDevice } from '../policy/device-admission.js';
import type { DeviceAuthorityRecord, Member, Records } from '../store/store.js';
import { noChange, type Outcome, policyChange } from './change.js';
import { memberId, type StateContext } from './context.js';
import { certifyMember } from './enrol.js';
import { insertMember, newMember } from './members.js';

/** A device, and the portal that it is or would be. */
export type KnownDevice = Device<DeviceAuthorityRecord> & { name: Name };

/** Which device a TLS client is, whatever it may do. Throws `cert_*`. */
export async function identifyDevice(context: StateContext, chain: readonly Uint8Array[]): Promise<KnownDevice> {
  const authorities = await context.store.records.deviceAuthorities.list();
  const device = verifyDevice({ chain, authorities, now: context.now() });
  return { ...device, name: portalOfDevice(device.authority.prefix, device.serial) };
}

/**
 * A certificate for the portal that a device is; one that was never there is added, where its authority may. The first time
 * binds the portal to the device. Throws `cert_*`, `forbidden`, `limit_exceeded` or `csr_invalid`.
 */
export async function enrolDevice(
  context: StateContext,
  origin: string | null,
  device: KnownDevice,
  csr: Uint8Array,
): Promise<Outcome<Issued>> {
  // Once without the transaction, as for a join token: who is not let in must not get at the write lock.
  await admit(context, context.store.records, device);
  const publicKey = await checkCsr(csr);
  const { name, subject, fingerprint, authority } = device;
  return context.store.transaction(async (records) => {
    const { member: known, bound } = await admit(context, records, device);
    const { member, followed } = known
      ? { member: known, followed: false }
      : await addByDevice(context, records, origin, device);
    if (!bound) await bind(context, records, member, device);
    const value = await certifyMember(context, records, {
      ...{ kind: 'portal', name, publicKey, origin, action: 'enrol' },
      detail: { device: { subject, fingerprint, authority: authority.name } },
    });
    return { value, change: followed ? policyChange : noChange };
  });
}

async function admit(
  context: StateContext,
  records: Records,
  { name, identity, authority: { name: authority, pem } }: KnownDevice,
): Promise<{ member: Member | undefined; bound: boolean }> {
  // It may have been removed, or another one come in its place, since the chain was looked at.
  const now = await records.deviceAuthorities.find(authority);
  if (now?.pem !== pem) throw new NetportError('cert_untrusted', `the device authority ${authority} was removed`);
  const member = await records.members.find('portal', name);
  const device = member && (await records.devices.ofMember(member.id));
  const [certificate] = await records.certificates.ofSubject(memberId(context, 'portal', name), 1);
  checkAdmission({
    ...{ name, identity, autoAdd: now.autoAdd, member, certificate },
    boundIdentity: device?.identity,
    boundPortal: (await records.devices.find(identity))?.portal,
  });
  return { member, bound: device !== undefined };
}

async function addByDevice(
  context: StateContext,
  records: Records,
  origin: string | null,
  { name, authority }: KnownDevice,
): Promise<{ member: Member; followed: boolean }> {
  if ((await records.devices.count(authority.name)) >= limits.devicePortals) {
    const message = `${limits.devicePortals} portals are devices of ${authority.name}: others are added by an admin`;
    throw new NetportError('limit_exceeded', message);
  }
  const member = newMember(context, 'portal', name, { [authorityLabel]: authority.name });
  const actor = { name: `device-authority:${authority.name}`, origin };
  return { member, followed: await insertMember(context, records, actor, member) };
}

/** On portals that were added by their devices: what a grant selects them by. */
const authorityLabel = 'device-authority';

const bind = (
  context: StateContext,
  records: Records,
  { id }: Member,
  { identity, subject, authority }: KnownDevice,
): Promise<void> =>
  records.devices.bind({ memberId: id, identity, subject, authority: authority.name, boundAt: context.now() });
