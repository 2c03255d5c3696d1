import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAuthority, openAuthority } from '@netport/pki';
import type { TrustDomain } from '@netport/protocol';
import { expect, it, onTestFinished } from 'vitest';
import { openDataDirectory } from './data-directory.js';
import { createLogger } from './log.js';
import { openRevocationStore } from './revocation-store.js';

it('has a list enforced that the disk does not take, and none that is older', async () => {
  const trustDomain = 'test.internal' as TrustDomain;
  const now = new Date();
  const material = await createAuthority({ trustDomain, now });
  const authority = await openAuthority(material);
  const identity = { rootPem: material.rootPem, issuersPem: authority.issuerPem, chainPem: '' };
  const listOf = (serial: string, at: number) =>
    authority.crl({ revoked: [{ serial, revokedAt: now }], number: 1, now: new Date(now.getTime() + at) });

  const path = await mkdtemp(join(tmpdir(), 'netport-revocations-'));
  const directory = await openDataDirectory(path);
  onTestFinished(() => directory.close());
  const log = createLogger('test', 'silent');
  const store = await openRevocationStore({ directory, identity, log });
  const enforced: string[][] = [];
  const note = (): void => void enforced.push([...(store.current?.serials ?? [])]);

  await rm(path, { recursive: true });
  await expect(store.accept(await listOf('02', 1000), identity, note)).rejects.toMatchObject({ code: 'ENOENT' });
  await store.accept(await listOf('03', 0), identity, note);
  expect(enforced).toEqual([['02']]);
});
