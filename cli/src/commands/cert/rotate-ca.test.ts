import { spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type AuthorityView, endpoints, type MemberTrust, type Name, type RootView } from '@netport/protocol';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { commandLine } from '../../../test/command-line.js';
import {
  type Asked,
  type Certificate,
  controlDouble,
  linkOf,
  missing,
  problem,
  type Reply,
  selfSigned,
} from '../../../test/control-double.js';
import { certificatesOf } from '../../roots.js';

const token = 'npa_secret';
const since = '2030-01-31T12:00:00Z';

let old: Certificate;
let next: Certificate;
let link: string;
let double: Awaited<ReturnType<typeof controlDouble>>;
let folder: string;
let phase: AuthorityView['phase'];
let members: MemberTrust[];
let root: RootView;

const member = (kind: MemberTrust['kind'], name: string, online = true): MemberTrust => ({
  kind,
  name: name as Name,
  online,
  lastSeenAt: since,
  state: 'new',
});

const rootOf = (pem: string, state: RootView['state'], linkPem?: string): RootView => ({
  fingerprint: new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase(),
  state,
  notBefore: since,
  notAfter: '2040-01-31T12:00:00Z',
  pem,
  ...(linkPem !== undefined && { linkPem }),
});

/** What the contract says of the steps: who is online follows the server's, a look later. */
const steps = { stable: 'publish', published: 'reissue', reissuing: 'retire' } as const;
const states = { stable: 'new', published: 'both', reissuing: 'new' } as const;
const present = { stable: 'new', published: 'old', reissuing: 'both' } as const;

function view(): AuthorityView {
  const missing = members.filter(({ state }) => state !== 'none' && state !== states[phase]);
  const before = rootOf(old.cert, phase === 'reissuing' ? 'retiring' : 'current');
  return {
    phase,
    since,
    roots: phase === 'stable' ? [root] : [before, { ...root, state: phase === 'published' ? 'next' : 'current' }],
    members,
    next: steps[phase],
    waitingFor: missing.map(({ kind, name }) => ({ kind, name })),
  };
}

function reply({ method, path, body }: Asked): Reply {
  if (path !== `/api/v1${method === 'GET' ? endpoints.authority.show.path : endpoints.authority.rollover.path}`) {
    return problem(404, 'not_found', path);
  }
  const shown = view();
  if (method === 'GET') {
    follow();
    return { json: shown };
  }
  const { step, force } = body as { step: string; force: boolean };
  if (step === 'cancel' ? phase !== 'published' : step !== shown.next) {
    return problem(409, 'conflict', `there is nothing to ${step} now`);
  }
  if (step !== 'cancel' && shown.waitingFor.length > 0 && !force) {
    return problem(409, 'conflict', 'somebody is not there yet');
  }
  take(step);
  const taken = view();
  follow();
  return { json: taken };
}

function follow(): void {
  members = members.map((one) => (one.online && one.state !== 'none' ? { ...one, state: states[phase] } : one));
}

function take(step: string): void {
  phase = step === 'publish' ? 'published' : step === 'reissue' ? 'reissuing' : 'stable';
  if (step === 'publish') root = rootOf(next.cert, 'next', link);
  if (step === 'cancel') root = rootOf(old.cert, 'current');
  if (step === 'retire') {
    root = rootOf(next.cert, 'current', link);
    double.present(next);
  }
  const left = ({ online, state }: MemberTrust): boolean =>
    state === 'none' || (!online && step !== 'publish' && step !== 'cancel');
  members = members.map((one) => (left(one) ? one : { ...one, state: present[phase] }));
}

describe.skipIf(missing)(`netport cert rotate-ca${missing ? ` (${missing})` : ''}`, () => {
  beforeAll(() => {
    [old, next] = [selfSigned(), selfSigned('IP:127.0.0.1', 2)];
    link = linkOf(old, next);
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'netport-rotate-'));
    await writeFile(join(folder, 'root.pem'), old.cert);
    double = await controlDouble(old, reply);
    await store(old.cert);
    phase = 'stable';
    root = rootOf(old.cert, 'current');
    members = [member('portal', 'a'), member('relay', 'hub'), { ...member('portal', 'fresh'), state: 'none' }];
  });
  afterEach(async () => {
    await double.close();
    await rm(folder, { recursive: true });
  });

  const stored = () => join(folder, 'netport', 'credentials.json');
  const store = async (ca: string): Promise<void> => {
    const credentials = JSON.stringify({ url: double.url, ca, token });
    await mkdir(join(folder, 'netport'));
    await writeFile(stored(), credentials);
  };
  const trusted = async (): Promise<string[]> => {
    const { ca } = JSON.parse(await readFile(stored(), 'utf8')) as { ca: string };
    return certificatesOf(ca).map(String);
  };
  const pems = (...certificates: Certificate[]) => certificates.map(({ cert }) => String(new X509Certificate(cert)));
  type World = Parameters<typeof commandLine>[1];
  const rotate = (options = '', world: World = {}) =>
    commandLine(`cert rotate-ca${options && ` ${options}`}`, { env: { XDG_CONFIG_HOME: folder }, ...world });
  const posted = () => double.asked.filter(({ method }) => method === 'POST').map(({ body }) => body);

  it('takes a step with each run, and the login goes on working with the new root alone', async () => {
    expect(await trusted()).toEqual(pems(old));
    const published = await rotate();
    expect(published).toMatchObject({ code: 0, err: '' });
    expect(published.out).toContain(
      `Made and published a new root CA (${root.fingerprint}, until 2040-01-31 12:00:00Z).`,
    );
    expect(published.out).toContain(`This login trusts the new root, too, from now on: ${stored()}.\n`);
    expect(published.out).toContain('0 of 2 portals and relays trust both roots.\n');
    expect(await trusted()).toEqual(pems(old, next));

    await rotate('--status');
    expect((await rotate()).out).toContain('Certificates come from the new root now,');
    await rotate('--status');
    const retired = await rotate();
    expect(retired.out).toContain('Retired the old root CA');
    expect(retired.out).toContain('This login no longer trusts the retired root');
    expect(await trusted()).toEqual(pems(next));
    expect(posted()).toEqual(['publish', 'reissue', 'retire'].map((step) => ({ step, force: false })));
    expect((await rotate('--status')).out).toContain('phase     stable, since 2030-01-31 12:00:00Z');
  });

  it('does not go on without those who are not there, and says who and what can be done', async () => {
    take('publish');
    members = [
      { ...member('portal', 'cam-3', false), state: 'old' },
      { ...member('relay', 'hub'), state: 'both' },
    ];
    const { code, out } = await rotate();
    expect(out).toContain('Not yet: 1 of 2 portals and relays trust both roots. Waiting for:');
    expect(out).toMatch(/^portal {2}cam-3 {2}trusts the old root only {2}no /m);
    expect(out).not.toMatch(/^relay/m);
    expect(out).toContain('netport cert rotate-ca --force: they cannot talk');
    expect({ code, posted: posted() }).toEqual({ code: 1, posted: [] });
    expect(await rotate('--force')).toMatchObject({ code: 0 });
    expect((await rotate()).out).toContain('they are cut off then, each until it joins with a new token');
    const retired = await rotate('--force');
    expect(retired.out).toContain('new token (netport portal|relay token NAME): cam-3.\n');
    expect(posted()).toEqual(['reissue', 'retire'].map((step) => ({ step, force: true })));
  });

  it('--wait goes through all of it, and says whom it waits for', async () => {
    members.push(member('portal', 'cam-3', false));
    const onOut = (out: string): void => {
      if (out.includes('waiting for cam-3')) members = members.map((one) => ({ ...one, online: true }));
    };
    const { code, out, err } = await rotate('--wait', { onOut });
    const lines = out.split('\n');
    const at = (text: string) => lines.findIndex((line) => line.includes(text));
    const order = [
      'Made and published',
      '0 of 3 portals and relays trust both roots; waiting for a (online), relay hub (online), cam-3 (offline since 2030-01-31 12:00:00Z).',
      '2 of 3 portals and relays trust both roots; waiting for cam-3 (offline since 2030-01-31 12:00:00Z).',
      '3 of 3 portals and relays trust both roots.',
      'Certificates come from the new root now,',
      'Retired the old root CA',
      'The root CA is replaced.',
    ].map(at);
    expect(order, out).not.toContain(-1);
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(await trusted()).toEqual(pems(next));
  });

  it('--wait gives up in time, and leaves everything where it is', async () => {
    members = [member('portal', 'cam-3', false)];
    let time = Date.now();
    const now = () => {
      time += 60_000;
      return time;
    };
    const { code, out } = await rotate('--wait --timeout 1m', { now });
    expect(out).toContain('Gave up waiting. Nothing is taken back, the phase stays published');
    expect({ code, phase }).toEqual({ code: 1, phase: 'published' });
  });

  it('--wait notices that somebody else took the new root back', async () => {
    members = [member('portal', 'cam-3', false)];
    const onOut = (out: string): void => {
      if (out.includes('waiting for cam-3') && phase === 'published') take('cancel');
    };
    const { code, err } = await rotate('--wait', { onOut });
    expect(err).toContain('somebody took the new root back meanwhile');
    expect({ code, phase }).toEqual({ code: 1, phase: 'stable' });
  });

  it('--wait stops at Ctrl-C and says where', async () => {
    members = [member('portal', 'cam-3', false)];
    const bin = fileURLToPath(new URL('../../../bin/netport.mjs', import.meta.url));
    const child = spawn(process.execPath, [bin, 'cert', 'rotate-ca', '--wait'], {
      env: { PATH: process.env.PATH ?? '', XDG_CONFIG_HOME: folder },
    });
    let out = '';
    child.stdout.on('data', (chunk) => {
      const waited = out.includes('waiting for');
      out += chunk;
      if (!waited && out.includes('waiting for')) child.kill('SIGINT');
    });
    const [code] = await once(child, 'close');
    expect(out).toContain('Stopped. Nothing is taken back, the phase stays published: go on with');
    expect(code).toBe(1);
  });

  it('--cancel takes a published root back, also out of the login', async () => {
    await rotate();
    expect(await rotate('--cancel')).toMatchObject({
      code: 0,
      out: expect.stringContaining('Took the new root CA back'),
    });
    expect(await trusted()).toEqual(pems(old));
    expect(await rotate('--cancel')).toMatchObject({ code: 1, err: expect.stringContaining('nothing to cancel') });
  });

  it('--status shows phase, roots and members, and changes nothing but the login', async () => {
    take('publish');
    const { out } = await rotate('--status');
    expect(out).toContain('next      reissue: netport cert rotate-ca has certificates issued from the new root\n');
    expect(out).toMatch(new RegExp(`^next +2040-01-31 12:00:00Z, in \\d+ d +${root.fingerprint}$`, 'm'));
    expect(out).toMatch(/^portal +fresh +no certificate yet +yes/m);
    expect(out).not.toContain('expires soon');
    expect(posted()).toEqual([]);
    expect(await trusted()).toEqual(pems(old, next));
  });

  it('--status warns of a root that expires within a year', async () => {
    root = { ...root, notAfter: new Date(Date.now() + 300 * 86_400_000).toISOString() };
    expect((await rotate('--status')).out).toContain('The root expires soon: replace it with');
  });

  it('--json prints the view and nothing else, also when it is not taken', async () => {
    const { out, err } = await rotate('--json');
    expect(JSON.parse(out)).toMatchObject({ phase: 'published', next: 'reissue' });
    expect(err).toContain('This login trusts the new root');
    members = [{ ...member('portal', 'cam-3', false), state: 'old' }];
    const refused = await rotate('--json');
    expect(JSON.parse(refused.out)).toMatchObject({ waitingFor: [{ kind: 'portal', name: 'cam-3' }] });
    expect(refused.code).toBe(1);
  });

  it('does not lock itself out over a root that nobody vouches for', async () => {
    take('publish');
    root = rootOf(next.cert, 'next', next.cert);
    members = [];
    const { code, out, err } = await rotate();
    expect(out).toContain(`Not trusted: the root ${root.fingerprint}: no root that you trust has certified it.`);
    expect(err).toContain('would lock this login out');
    expect({ code, posted: posted(), trusted: await trusted() }).toEqual({ code: 1, posted: [], trusted: pems(old) });
    expect(await rotate('--cancel')).toMatchObject({ code: 0 });
  });

  it('leaves a CA file alone, and says that it must be replaced', async () => {
    const env = { NETPORT_URL: double.url, NETPORT_CA: join(folder, 'root.pem'), NETPORT_TOKEN: token };
    members = [];
    const { out } = await rotate('--wait', { env });
    expect(out.match(/NETPORT_CA \(.*root\.pem\) lacks the new root/g)).toHaveLength(1);
    expect(await readFile(env.NETPORT_CA, 'utf8')).toBe(old.cert);
    const late = await rotate('--status', { env });
    expect(late.err).toContain('If its root CA was replaced, get root.pem');
    await writeFile(env.NETPORT_CA, old.cert + next.cert);
    expect((await rotate('--status', { env })).out).toContain('let that file hold the new one only');
    await writeFile(env.NETPORT_CA, next.cert);
    expect((await rotate('--status', { env })).out).not.toContain('NETPORT_CA');
  });

  it.each([
    '--wait --status',
    '--wait --force',
    '--force --cancel',
    '--status --cancel',
    '--timeout 1m',
    '--wait --timeout x',
  ])('%s is a usage error, and asks nothing', async (options) => {
    expect(await rotate(options)).toMatchObject({ code: 2, out: '', err: expect.stringContaining('error: ') });
    expect(double.asked).toEqual([]);
  });
});
