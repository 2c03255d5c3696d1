import { X509Certificate } from 'node:crypto';
import { readdir, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { acceptAuthorities, decodeCertsOnly, fingerprintsIn } from '@netport/pki';
import type { AuthorityView, NewToken, PortalCommand } from '@netport/protocol';
import { enrol, openDataDirectory, reenrol, type StoredIdentity, trustOf, tryControlSession } from '@netport/runtime';
import { expect, onTestFinished, test } from 'vitest';
import {
  connectPortal,
  silent,
  startTestServer,
  type TestServer,
  temporaryDirectory,
  waitFor,
} from '../../test/harness.js';

const show = async (server: TestServer): Promise<AuthorityView> => (await server.api('GET', '/authority')).json;
const take = (server: TestServer, step: string, force?: boolean) =>
  server.api('POST', '/authority/rollover', { step, ...(force && { force }) });
const states = ({ members }: AuthorityView) => Object.fromEntries(members.map(({ name, state }) => [name, state]));
const token = async (server: TestServer, name: string): Promise<string> =>
  ((await server.api('POST', '/portals', { name })).json as NewToken).token;
async function enrolWith(text: string): Promise<StoredIdentity> {
  const { path, remove } = await temporaryDirectory();
  const directory = await openDataDirectory(path);
  onTestFinished(async () => {
    await directory.close();
    await remove();
  });
  return enrol({ token: text, directory, log: silent });
}
const session = (identity: StoredIdentity) => tryControlSession({ identity, trust: trustOf(identity, undefined) });

/** What a portal does with a `trust` message. */
function trusting(
  identity: StoredIdentity,
  { authorities }: Extract<PortalCommand, { type: 'trust' }>,
): StoredIdentity {
  const { rootPems, issuerPems } = acceptAuthorities({
    trusted: identity.rootPem,
    offered: authorities,
    offeredBy: 'control-server',
    now: new Date(),
  });
  return { ...identity, rootPem: rootPems.join(''), issuersPem: issuerPems.join('') };
}
const trusts = ({ rootPem, rootFingerprint }: StoredIdentity) =>
  ({ type: 'trusts', roots: fingerprintsIn(rootPem), certifiedBy: rootFingerprint }) as const;

test('a root is replaced in phases: who is online goes along, who is not is waited for, and tokens of any phase work', async () => {
  const server = await startTestServer();
  onTestFinished(() => server.stop());
  const root = (): Promise<string> => readFile(join(server.data, 'root.pem'), 'utf8');
  const before = await show(server);
  expect(before).toMatchObject({ phase: 'stable', next: 'publish', roots: [{ state: 'current' }], waitingFor: [] });

  let online = await server.join('portal', 'online');
  const away = await server.join('portal', 'away');
  const early = await token(server, 'early');
  const portal = await connectPortal(server, online);
  expect(trusting(online, await portal.next('trust')).rootPem).toBe(online.rootPem);

  // Publish: the old root issues, the new one is told.
  expect((await take(server, 'publish')).json).toMatchObject({
    phase: 'published',
    roots: [{ state: 'current' }, { state: 'next', linkPem: expect.stringContaining('BEGIN CERTIFICATE') }],
  });
  online = trusting(online, await portal.next('trust'));
  expect(fingerprintsIn(online.rootPem)).toEqual(fingerprintsIn(await root()));
  expect(states(await show(server))).toEqual({ online: 'old', away: 'old', early: 'none' });
  portal.send(trusts(online));
  await waitFor('the server to know', async () => states(await show(server)).online === 'both');
  const { rootFingerprint: first } = online;
  expect((await enrolWith(await token(server, 'joins-published'))).rootFingerprint).toBe(first);

  // Re-issue: not before everybody knows the new root, unless it is forced.
  const refused = await take(server, 'reissue');
  expect([refused.status, refused.json.code]).toEqual([409, 'conflict']);
  expect(refused.json.detail).toContain('portal away');
  expect((await take(server, 'retire')).json.code).toBe('conflict');
  expect((await take(server, 'reissue', true)).json).toMatchObject({ phase: 'reissuing', next: 'retire' });
  const told = await portal.next('trust');
  expect(told.issuing).not.toBe(first);
  expect(told.issuing).toBe((await show(server)).roots[1]?.fingerprint);
  const renewed = await reenrol({ identity: online, trust: trustOf(online, undefined) });
  expect(renewed.rootFingerprint).toBe(told.issuing);
  for (const identity of [online, renewed]) await session(identity);
  portal.send(trusts(renewed));
  // Those that come now trust what they have to, whichever root their token names: the older one on the word of a session only.
  for (const text of [early, await token(server, 'joins-reissuing')]) {
    const joined = await enrolWith(text);
    expect(joined.rootFingerprint).toBe(told.issuing);
    await session(joined);
    expect(fingerprintsIn(trusting(joined, told).rootPem).sort()).toEqual(fingerprintsIn(await root()).sort());
  }
  // One that missed all of it does not believe the server, until it has seen that its own root vouches for the new one.
  await expect(session(away)).rejects.toMatchObject({ code: 'cert_untrusted' });
  await session(trusting(away, told));

  // Retire: what is of the old root ends.
  await waitFor('the server to know', async () => states(await show(server)).online === 'new');
  expect((await take(server, 'retire')).json).toMatchObject({ code: 'conflict' });
  const retired = (await take(server, 'retire', true)).json as AuthorityView;
  expect(retired).toMatchObject({ phase: 'stable', roots: [{ state: 'current', fingerprint: told.issuing }] });
  expect(states(retired)).toMatchObject({ online: 'new', away: 'old' });
  expect(await portal.ended()).toMatchObject({ code: 1001 });
  await expect(session(online)).rejects.toMatchObject({ code: 'cert_untrusted' });
  await session(renewed);
  expect(fingerprintsIn(await root())).toEqual([told.issuing]);
  const keys = (await readdir(server.data)).filter((name) => name.includes('-key'));
  expect(keys.sort()).toEqual(['issuer-key-2.pem', 'root-key-2.pem']);
});

test('a step survives a restart; what was only published can be taken back; each step is in the audit trail', async () => {
  const { path, remove } = await temporaryDirectory();
  onTestFinished(remove);
  const data = join(path, 'control');
  const first = await startTestServer({ data });
  await take(first, 'publish');
  const published = await show(first);
  await first.stop();

  const again = await startTestServer({ data });
  onTestFinished(() => again.stop());
  const admin = (await readFile(join(data, 'admin-token'), 'utf8')).trim();
  const api = async (method: string, at: string, body?: unknown) =>
    (
      await again.http(method, `/api/v1${at}`, {
        headers: { authorization: `Bearer ${admin}`, 'content-type': 'application/json' },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
    ).json;
  expect(await api('GET', '/authority')).toEqual(published);
  expect(await api('POST', '/authority/rollover', { step: 'cancel' })).toMatchObject({ phase: 'stable' });
  expect((await readdir(data)).filter((name) => name.includes('-key-2'))).toEqual([]);
  expect(await api('POST', '/authority/rollover', { step: 'destroy' })).toMatchObject({ code: 'invalid_request' });

  // The root key is off line: it is needed to vouch for the next root, and for nothing else.
  await rename(join(data, 'root-key.pem'), join(path, 'root-key.pem'));
  expect(await api('POST', '/authority/rollover', { step: 'publish' })).toMatchObject({
    code: 'not_found',
    detail: expect.stringContaining('put it back for this step'),
  });
  await rename(join(path, 'root-key.pem'), join(data, 'root-key.pem'));
  expect(await api('POST', '/authority/rollover', { step: 'publish' })).toMatchObject({ phase: 'published' });
  const { items } = await api('GET', '/audit?action=authority.publish');
  const step = { detail: { before: { phase: 'stable' }, after: { phase: 'published' } } };
  expect(items).toMatchObject([step, step]);
});

test('EST cacerts has the roots that count, what they say of each other, and what the retired one said', async () => {
  const server = await startTestServer();
  onTestFinished(() => server.stop());
  const bundle = async (): Promise<string[]> =>
    decodeCertsOnly(Buffer.from((await server.http('GET', '/.well-known/est/cacerts')).text, 'base64'));
  expect(await bundle()).toHaveLength(2);
  await take(server, 'publish');
  expect(await bundle()).toHaveLength(6);
  for (const step of ['reissue', 'retire']) await take(server, step, true);
  const left = (await bundle()).map((pem) => new X509Certificate(pem));
  const subjects = left.map(({ subject, issuer }) => [subject, issuer].map((name) => /CN=(.*)/.exec(name)?.[1]));
  expect(subjects.sort()).toEqual([
    ['Netport issuing CA G2', 'Netport root CA G2'],
    ['Netport root CA G2', 'Netport root CA'],
    ['Netport root CA G2', 'Netport root CA G2'],
  ]);
});
