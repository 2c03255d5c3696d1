import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority, openAuthority } from '@netport/pki';
import type { TrustDomain } from '@netport/protocol';
import { expect, it, onTestFinished } from 'vitest';
import { openDataDirectory } from './data-directory.js';
import { createLogger } from './log.js';
import { openRevocationStore, type RevocationStore } from './revocation-store.js';

const log = createLogger('test', 'silent');
const serialsOf = ({ current }: RevocationStore): string[] => [...(current?.serials ?? [])];

async function site() {
  const trustDomain = 'test.internal' as TrustDomain;
  const now = new Date();
  const material = await createAuthority({ trustDomain, now });
  const authority = await openAuthority(material);
  const identity = { rootPem: material.rootPem, issuersPem: authority.issuerPem, chainPem: '' };
  const listOf = (serial: string, at: number) =>
    authority.crl({ revoked: [{ serial, revokedAt: now }], number: 1, now: new Date(now.getTime() + at) });
  const path = await mkdtemp(join(tmpdir(), 'netport-revocations-'));
  const directory = await openDataDirectory(path);
  onTestFinished(async () => {
    await directory.close();
    await rm(path, { recursive: true, force: true });
  });
  const open = () => openRevocationStore({ directory, identity, log });
  return { identity, listOf, path, open };
}

it('has the latest list in force at once and, when it has settled, on disk, and none that is older', async () => {
  const { identity, listOf, open } = await site();
  const store = await open();
  const lists = await Promise.all(['02', '03', '04'].map((serial, i) => listOf(serial, i * 1000)));
  for (const list of lists) store.accept(list, identity);
  expect(serialsOf(store)).toEqual(['04']);
  store.accept(await listOf('05', 0), identity);
  await store.settled();
  expect([serialsOf(store), serialsOf(await open())]).toEqual([['04'], ['04']]);
});

it('has a list in force that the disk does not take', async () => {
  const { identity, listOf, path, open } = await site();
  const store = await open();
  await rm(path, { recursive: true });
  store.accept(await listOf('02', 0), identity);
  await store.settled();
  expect(serialsOf(store)).toEqual(['02']);
});
