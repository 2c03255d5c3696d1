import { anchorsIn, readDeviceAuthority } from '@netport/pki';
import {
  type AddDeviceAuthority,
  type DeviceAuthorityView,
  type ErrorCode,
  limits,
  NetportError,
  type Page,
  type PageQuery,
} from '@netport/protocol';
import { notFound } from '../problem.js';
import type { DeviceAuthorityRecord } from '../store/store.js';
import { audit } from './audit.js';
import { type Outcome, unchanged } from './change.js';
import type { Actor, StateContext } from './context.js';
import { pageOfLive } from './paging.js';

/** Lets a manufacturer's devices enrol. Throws `invalid_request`, `already_exists` or `limit_exceeded`, with the field. */
export async function addDeviceAuthority(
  context: StateContext,
  actor: Actor,
  added: AddDeviceAuthority,
): Promise<Outcome<DeviceAuthorityView>> {
  const createdAt = context.now();
  const record = { ...added, createdAt };
  const certificates = certificatesOf(record);
  await context.store.transaction(async (records) => {
    const others = await records.deviceAuthorities.list();
    if (others.length >= limits.deviceAuthorities) {
      throw new NetportError('limit_exceeded', `there are ${limits.deviceAuthorities} device authorities: remove one`);
    }
    for (const other of others) refuseClash(added, certificates, other);
    await records.deviceAuthorities.add(record);
    const { name, prefix, autoAdd } = added;
    const fingerprints = certificates.map(({ fingerprint }) => fingerprint);
    await audit(context, records, actor, {
      action: 'device-authority.add',
      subject: name,
      after: { prefix, autoAdd, fingerprints },
    });
  });
  return unchanged(view(record));
}

/** What two authorities must not have in common: a device would be now one portal, now another. */
function refuseClash(
  { name, prefix }: AddDeviceAuthority,
  certificates: ReturnType<typeof readDeviceAuthority>,
  other: DeviceAuthorityRecord,
): void {
  if (other.name === name) throw wrong('already_exists', 'name', `the device authority ${name} exists already`);
  if (other.prefix.startsWith(prefix) || prefix.startsWith(other.prefix)) {
    throw wrong('already_exists', 'prefix', `the device authority ${other.name} has the prefix ${other.prefix}`);
  }
  const anchors = new Set(certificatesOf(other).flatMap(({ anchor, fingerprint }) => (anchor ? [fingerprint] : [])));
  const shared = certificates.find(({ anchor, fingerprint }) => anchor && anchors.has(fingerprint));
  if (shared) throw wrong('already_exists', 'pem', `the device authority ${other.name} has ${shared.subject} already`);
}

/** At the time when it was added, they were all good. */
function certificatesOf({ pem, createdAt }: Pick<DeviceAuthorityRecord, 'pem' | 'createdAt'>) {
  try {
    return readDeviceAuthority(pem, createdAt);
  } catch (thrown) {
    throw wrong('invalid_request', 'pem', (thrown as Error).message);
  }
}

const wrong = (code: ErrorCode, path: string, message: string): NetportError =>
  new NetportError(code, `${path}: ${message}`, { fields: [{ path, message }] });

/** Device authorities by name. Throws `invalid_request` for a wrong cursor. */
export async function listDeviceAuthorities(
  context: StateContext,
  query: PageQuery,
): Promise<Page<DeviceAuthorityView>> {
  const authorities = await context.store.records.deviceAuthorities.list();
  return pageOfLive(authorities.map(view), query, ({ name }) => name);
}

const view = (record: DeviceAuthorityRecord): DeviceAuthorityView => ({
  ...record,
  certificates: certificatesOf(record).map(({ notAfter, ...rest }) => ({ ...rest, notAfter: notAfter.toISOString() })),
  createdAt: record.createdAt.toISOString(),
});

/** The CA certificates that devices are trusted by, PEM: as many as TLS clients can be told of. */
export async function deviceAnchors({ store }: StateContext): Promise<string[]> {
  const authorities = await store.records.deviceAuthorities.list();
  return authorities.flatMap(({ pem }) => anchorsIn(pem)).slice(0, limits.deviceAuthoritiesNamed);
}

/** Removes a device authority; the portals that its devices are stay. Throws `not_found`. */
export async function removeDeviceAuthority(
  context: StateContext,
  actor: Actor,
  name: string,
): Promise<Outcome<Record<string, never>>> {
  await context.store.transaction(async (records) => {
    const found = await records.deviceAuthorities.find(name);
    if (!found) throw notFound('name', `no device authority is named "${name}"`);
    await records.deviceAuthorities.remove(name);
    const { prefix, autoAdd } = found;
    await audit(context, records, actor, {
      action: 'device-authority.remove',
      subject: name,
      before: { prefix, autoAdd },
    });
  });
  return unchanged({});
}
