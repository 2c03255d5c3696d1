import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { commandLine } from '../test/command-line.js';
import {
  type Asked,
  type Certificate,
  controlDouble,
  missing,
  problem,
  type Reply,
  selfSigned,
} from '../test/control-double.js';

const now = Date.parse('2030-01-31T12:00:00Z');
const token = 'npa_secret';
const id = '00112233-4455-6677-8899-aabbccddeeff';
const portal = {
  name: 'laptop',
  id: 'spiffe://netport.test/portal/laptop',
  online: true,
  lastSeenAt: '2030-01-31T11:59:00Z',
  address: '192.0.2.7',
  version: '0.1.0',
  labels: { site: 'berlin' },
  createdAt: '2030-01-30T12:00:00Z',
  certificateExpiresAt: '2030-02-06T12:00:00Z',
  policyVersion: 3,
};
const relay = {
  ...portal,
  name: 'relay-1',
  policyVersion: undefined,
  datapath: 'userspace',
  datapathReason: null,
  circuits: 2,
  capacity: 100,
};
const pair = {
  id,
  name: 'web',
  protocol: 'tcp',
  from: { portal: 'laptop', address: '127.0.0.1', port: 8080 },
  to: { portal: 'field-gw', address: 'unix:/run/web.sock' },
  transport: 'quic',
  enabled: true,
  state: 'listener_failed',
  error: { code: 'address_in_use', message: '127.0.0.1:8080 is taken' },
  owner: 'ada',
  reason: 'the web page',
  revision: 3,
  createdAt: '2030-01-30T12:00:00Z',
};
const circuit = {
  id,
  from: 'laptop',
  to: 'field-gw',
  transport: 'tcp',
  relay: 'relay-1',
  datapath: 'tc',
  state: 'joined',
  ports: [40000, 40001],
  bytesSent: 2048,
  bytesReceived: 5,
  packetsSent: 1200,
  packetsReceived: 34,
  since: '2030-01-31T11:59:48Z',
};
const stream = {
  pair: 'web',
  from: 'laptop',
  to: 'field-gw',
  protocol: 'tcp',
  transport: 'tcp',
  source: '127.0.0.1:50312',
  target: null,
  bytesSent: 2048,
  bytesReceived: 5,
  dropped: null,
  since: '2030-01-31T11:59:48Z',
};
const event = (at: number) => ({
  id: at,
  at: '2030-01-31T12:00:00.123Z',
  actor: 'token:admin',
  origin: '127.0.0.1',
  action: `step.${at}`,
  subject: 'web',
  code: null,
  detail: { protocol: 'tcp', pairs: ['a'] },
  previous: '0'.repeat(64),
  hash: 'f'.repeat(64),
});
const deviceAuthority = {
  name: 'acme',
  prefix: 'acme-',
  autoAdd: true,
  pem: 'PEM of acme',
  certificates: [
    { subject: 'CN=Acme Root', fingerprint: 'f'.repeat(64), notAfter: '2031-01-31T12:00:00Z', anchor: true },
    { subject: 'CN=Acme Devices', fingerprint: 'e'.repeat(64), notAfter: '2030-02-28T12:00:00Z', anchor: false },
  ],
  createdAt: '2030-01-30T12:00:00Z',
};
const newToken = { name: 'laptop', token: 'npj1_text', expiresAt: '2030-01-31T13:00:00Z' };

const hop = (name: string, state: string, message: string, rest = {}) => ({
  ...{ hop: name, state, code: null, message, at: null },
  ...rest,
});
const explanation = {
  at: '2030-01-31T12:00:00Z',
  question: { portal: 'laptop', address: '127.0.0.1', port: 8080, protocol: 'tcp' },
  verdict: 'broken',
  cause: { code: 'address_in_use', message: '127.0.0.1:8080 is taken', help: 'Another program listens there.' },
  pair: 'web',
  nearest: [{ pair: 'web-2', difference: 'it listens on 127.0.0.1:8081, another port' }],
  hops: [
    hop('listener', 'failed', '127.0.0.1:8080 is taken', { code: 'address_in_use' }),
    hop('portal', 'ok', 'laptop is online', { at: '2030-01-31T11:00:00Z' }),
    hop('relay', 'warning', 'the last request failed\nforged line'),
    hop('target', 'unknown', 'nothing is known'),
  ],
};
const eventExplanation = {
  ...explanation,
  verdict: 'works',
  event: {
    id: 7,
    at: '2030-01-31T10:00:00Z',
    actor: 'spiffe://netport.test/portal/laptop',
    action: 'stream.denied',
    subject: id,
    hop: 'portal',
    cause: { code: 'policy_denied', message: 'no rule', help: 'Grant one.' },
    pair: 'web was disabled, by token:admin',
    history: [{ id: 6, at: '2030-01-31T09:00:00Z', actor: 'token:admin', action: 'pair.disable' }],
  },
};

const localAdmin = { name: 'ada', role: 'viewer', createdAt: '2030-01-30T12:00:00Z', lastSignInAt: null };

const answers: Record<string, Reply> = {
  'GET /explain': { json: explanation },
  'POST /explain': { json: { ...explanation, verdict: 'works', cause: null } },
  'GET /audit/7/explain': { json: eventExplanation },
  'GET /whoami': {
    json: { actor: 'token:admin', role: 'admin', may: [], trustDomain: 'netport.test', version: '0.1.0' },
  },
  'POST /api-tokens': {
    status: 201,
    json: { name: 'ci', role: 'operator', token: 'npa_new', expiresAt: '2031-01-31T12:00:00Z' },
  },
  'GET /api-tokens': {
    json: {
      items: [
        {
          name: 'ci',
          role: 'viewer',
          createdAt: '2030-01-30T12:00:00Z',
          expiresAt: '2030-02-06T12:00:00Z',
          lastUsedAt: null,
        },
      ],
    },
  },
  'DELETE /api-tokens/ci': {},
  'POST /device-authorities': { status: 201, json: deviceAuthority },
  'GET /device-authorities': { json: { items: [deviceAuthority] } },
  'DELETE /device-authorities/acme': {},
  'POST /admins': { status: 201, json: { ...localAdmin, password: 'made-by-the-server' } },
  'PATCH /admins/ada': { json: localAdmin },
  'GET /admins': { json: { items: [localAdmin] } },
  'DELETE /admins/ada': {},
  'POST /portals': { status: 201, json: newToken },
  'POST /portals/laptop/tokens': { status: 201, json: newToken },
  'POST /portals/laptop/revoke': {},
  'POST /relays/relay-1/revoke': {},
  'GET /portals': { json: { items: [portal], total: 1 } },
  'GET /portals/laptop': { json: portal },
  'PATCH /portals/laptop': { json: portal },
  'GET /relays/relay-1': { json: relay },
  'PATCH /relays/relay-1': { json: relay },
  'DELETE /portals/laptop': {},
  'DELETE /portals/gone': problem(404, 'not_found', 'There is no portal gone.'),
  'GET /relays': { json: { items: [relay], total: 1 } },
  'POST /pairs': { status: 201, json: pair },
  'GET /pairs': { json: { items: [pair], total: 1 } },
  'GET /pairs/web': { json: pair },
  'PATCH /pairs/web': { json: { ...pair, enabled: false, state: 'disabled', error: null } },
  'DELETE /pairs/web': {},
  'GET /circuits': {
    json: { items: [circuit, { ...circuit, datapath: 'userspace', packetsSent: null, packetsReceived: null }] },
  },
  'GET /tunnels': { json: { items: [] } },
  'GET /streams': { json: { items: [stream] } },
  'GET /certificates': { json: { items: [] } },
};

/** What the audit trail holds: its newest event's id. */
let newest: number;
let certificate: Certificate;
let double: Awaited<ReturnType<typeof controlDouble>>;
let folder: string;
let env: Record<string, string>;

const trail = (): Reply => ({ json: { items: Array.from({ length: newest }, (_, at) => event(newest - at)) } });
const endpoint = ({ method, path }: Asked) => `${method} ${path.replace('/api/v1', '')}`;

const answer = (asked: string): Reply =>
  asked === 'GET /audit' ? trail() : (answers[asked] ?? problem(404, 'not_found', `no ${asked}`));

const netport = (words: string, { stdin = '', environment = env } = {}) =>
  commandLine(words, { env: environment, stdin: Readable.from([stdin]), now: () => now });

describe.skipIf(missing)(`netport${missing ? ` (${missing})` : ''}`, () => {
  beforeAll(() => {
    certificate = selfSigned();
  });
  beforeEach(async () => {
    newest = 2;
    folder = await mkdtemp(join(tmpdir(), 'netport-cli-'));
    await writeFile(join(folder, 'root.pem'), certificate.cert);
    double = await controlDouble(certificate, (asked) =>
      asked.token === token ? answer(endpoint(asked)) : problem(401, 'unauthenticated', 'The token is not valid.'),
    );
    env = { NETPORT_URL: double.url, NETPORT_CA: join(folder, 'root.pem'), NETPORT_TOKEN: token };
  });
  afterEach(async () => {
    await double.close();
    await rm(folder, { recursive: true });
  });

  describe('login', () => {
    const stored = () => join(folder, 'netport', 'credentials.json');
    const login = (rest: string, stdin = '') =>
      netport(`login ${double.url} ${rest}`, { stdin, environment: { XDG_CONFIG_HOME: folder } });

    it('checks the token, then keeps it for this user only, and later commands use it', async () => {
      const { code, out } = await login(`--ca ${folder}/root.pem --token ${token}`);
      expect(out).toBe(
        `Logged in to ${double.url} as token:admin, admin (trust domain netport.test, version 0.1.0). Kept in ${stored()}.\n`,
      );
      expect(code).toBe(0);
      expect((await stat(stored())).mode & 0o777).toBe(0o600);
      expect(JSON.parse(await readFile(stored(), 'utf8'))).toEqual({ url: double.url, ca: certificate.cert, token });
      await rm(join(folder, 'root.pem'));
      expect(await netport('portal ls', { environment: { XDG_CONFIG_HOME: folder } })).toMatchObject({ code: 0 });
    });

    it('falls back to ~/.config, and the environment goes before what is kept', async () => {
      await netport(`login ${double.url} --ca ${folder}/root.pem --token ${token}`, { environment: { HOME: folder } });
      const kept = join(folder, '.config', 'netport', 'credentials.json');
      expect(JSON.parse(await readFile(kept, 'utf8'))).toMatchObject({ token });
      const environment = { HOME: folder, NETPORT_TOKEN: 'npa_other' };
      expect(await netport('portal ls', { environment })).toMatchObject({ code: 1, out: '' });
    });

    it('reads the token from standard input or a file, so that no process list shows it', async () => {
      expect(await login(`--ca ${folder}/root.pem --token -`, `${token}\n`)).toMatchObject({ code: 0 });
      await writeFile(join(folder, 'admin-token'), `${token}\n`);
      expect(await login(`--ca ${folder}/root.pem --token-file ${folder}/admin-token`)).toMatchObject({ code: 0 });
    });

    it('keeps nothing that does not work', async () => {
      const refused = await login(`--ca ${folder}/root.pem --token npa_wrong`);
      expect(refused).toMatchObject({ code: 1, out: '', err: expect.stringContaining('The token is not valid.') });
      expect(refused.err).not.toContain('npa_wrong');
      await expect(stat(stored())).rejects.toThrow();
    });

    it.each([
      ['--token npa_x', 2, 'give --ca FILE'],
      ['--ca ROOT', 2, 'give --token TOKEN'],
      ['--ca /nonexistent --token npa_x', 1, 'there is no such file'],
      ['--ca /dev/null --token npa_x', 1, 'the CA file /dev/null'],
      ['--ca ROOT --token npj1_x', 1, 'this is a join token'],
      ['--ca ROOT --token-file /nonexistent', 1, 'cannot read the token'],
    ])('%s: exit code %i, %s', async (rest, code, message) => {
      const { code: exit, err } = await login(rest.replace('ROOT', join(folder, 'root.pem')));
      expect(err).toContain(message);
      expect(exit).toBe(code);
      expect(double.asked).toEqual([]);
    });

    it.each(['http://control.example:8443', 'control.example:8443', 'https://user:secret@control.example'])(
      'refuses %s',
      async (url) => {
        const { code, err } = await netport(`login ${url} --ca ${folder}/root.pem --token ${token}`);
        expect(err).toContain('is not the URL of a control server, such as https://control.example:8443');
        expect(code).toBe(1);
      },
    );

    it('says so when nobody has logged in, or what is kept is broken', async () => {
      const environment = { XDG_CONFIG_HOME: folder };
      expect((await netport('portal ls', { environment })).err).toBe(
        'error: not logged in (unauthenticated)\nSend a valid token: netport login URL --ca FILE --token TOKEN.\n',
      );
      await login(`--ca ${folder}/root.pem --token ${token}`);
      await writeFile(stored(), '{');
      expect(await netport('portal ls', { environment })).toMatchObject({
        code: 1,
        err: expect.stringContaining(`cannot read ${stored()}`),
      });
    });
  });

  it.each([
    ['portal add laptop', 'POST /portals', { name: 'laptop' }],
    [
      'portal add laptop --label site=berlin --label camera=',
      'POST /portals',
      { name: 'laptop', labels: { site: 'berlin', camera: '' } },
    ],
    [
      'pair edit web --to field-gw:10.0.0.6:80 --owner ada --expires 2h --revision 3',
      'PATCH /pairs/web',
      {
        to: { portal: 'field-gw', address: '10.0.0.6', port: 80 },
        owner: 'ada',
        expiresAt: '2030-01-31T14:00:00.000Z',
      },
    ],
    ['pair edit web --no-expires', 'PATCH /pairs/web', { expiresAt: null }],
    ['portal token laptop --expires 30m', 'POST /portals/laptop/tokens', { lifetimeSeconds: 1800 }],
    [
      'token add ci --role operator --expires 365d',
      'POST /api-tokens',
      { name: 'ci', role: 'operator', lifetimeSeconds: 31_536_000 },
    ],
    ['token rm ci', 'DELETE /api-tokens/ci', undefined],
    ['admin add ada --role viewer', 'POST /admins', { name: 'ada', role: 'viewer' }],
    ['admin set ada --role viewer --new-password', 'PATCH /admins/ada', { role: 'viewer', password: null }],
    ['admin rm ada', 'DELETE /admins/ada', undefined],
    ['device-ca rm acme', 'DELETE /device-authorities/acme', undefined],
    ['portal rm laptop', 'DELETE /portals/laptop', undefined],
    ['cert revoke laptop', 'POST /portals/laptop/revoke', undefined],
    ['cert revoke relay-1 --relay', 'POST /relays/relay-1/revoke', undefined],
    ['pair rm web', 'DELETE /pairs/web', undefined],
    ['pair disable web', 'PATCH /pairs/web', { enabled: false }],
    ['pair enable web', 'PATCH /pairs/web', { enabled: true }],
    [
      'pair add web --from laptop:[::1]:8080 --to field-gw:unix:/run/web.sock --udp --transport quic --expires 2h --owner ada --reason INC-17',
      'POST /pairs',
      {
        name: 'web',
        protocol: 'udp',
        from: { portal: 'laptop', address: '[::1]', port: 8080 },
        to: { portal: 'field-gw', address: 'unix:/run/web.sock' },
        transport: 'quic',
        owner: 'ada',
        reason: 'INC-17',
        expiresAt: '2030-01-31T14:00:00.000Z',
      },
    ],
  ])('%s asks %s', async (words, asked, body) => {
    expect(await netport(words)).toMatchObject({ code: 0, err: '' });
    expect(double.asked.map((one) => [endpoint(one), one.body])).toEqual([[asked, body]]);
  });

  it.each([
    ['portal add laptop', newToken],
    ['portal token laptop', newToken],
    ['portal ls', [portal]],
    ['portal show laptop', portal],
    ['relay ls', [JSON.parse(JSON.stringify(relay))]],
    ['pair add web --from laptop:127.0.0.1:8080 --to field-gw:unix:/run/web.sock', pair],
    ['pair ls', [pair]],
    ['ls tunnels', []],
    ['ls streams', [stream]],
    ['audit', [event(2), event(1)]],
  ])('%s --json prints the whole of it, and nothing else', async (words, value) => {
    const { out } = await netport(`${words} --json`);
    expect(JSON.parse(out)).toEqual(value);
  });

  it('shows people what to run next', async () => {
    expect((await netport('portal add laptop')).out).toBe(
      'Added portal laptop. On its machine, run this; the token works once and expires at 2030-01-31 13:00:00Z, in 1 h:\n\n' +
        '  netport-portal run --data DIR --join npj1_text\n\n',
    );
    expect((await netport('pair add web --from laptop:127.0.0.1:8080 --to field-gw:unix:/run/web.sock')).out).toBe(
      'Granted web: laptop:127.0.0.1:8080 → field-gw:unix:/run/web.sock (tcp). It is not active yet (listener_failed).\n' +
        'address_in_use: 127.0.0.1:8080 is taken\n',
    );
    expect((await netport('pair disable web')).out).toBe('Disabled web. Its streams are ended at both portals.\n');
    expect((await netport('ls tunnels')).out).toContain('netport pair ls');
    expect((await netport('cert ls')).out).toContain('netport portal add NAME');
  });

  it('shows people tables', async () => {
    expect((await netport('ls circuits')).out).toBe(
      'FROM    TO        RELAY    PORTS         TRANSPORT  DATAPATH   STATE   PACKETS     SENT  RECEIVED  SINCE\n' +
        'laptop  field-gw  relay-1  40000, 40001  tcp        tc         joined    1,234  2.0 KiB       5 B  12 s ago\n' +
        'laptop  field-gw  relay-1  40000, 40001  tcp        userspace  joined        -  2.0 KiB       5 B  12 s ago\n',
    );
    expect((await netport('relay ls')).out).toBe(
      'NAME     ONLINE  LAST SEEN  ADDRESS    VERSION  CERTIFICATE ENDS  DATAPATH   CIRCUITS\n' +
        'relay-1  yes     now        192.0.2.7  0.1.0    in 6 d            userspace  2/100\n',
    );
    expect((await netport('pair ls')).out).toBe(
      'NAME  STATE            PROTOCOL  TRANSPORT  FROM                   TO                           EXPIRES  ERROR\n' +
        'web   listener_failed  tcp       quic       laptop:127.0.0.1:8080  field-gw:unix:/run/web.sock  never    address_in_use: 127.0.0.1:8080 is taken\n',
    );
    expect((await netport('ls streams')).out).toContain(
      'web   laptop  127.0.0.1:50312  field-gw  -       tcp       tcp              -  2.0 KiB       5 B  12 s ago',
    );
    expect((await netport('portal show laptop')).out).toContain('policy version    3\n');
    expect((await netport('pair show web')).out).toContain('error      address_in_use: 127.0.0.1:8080 is taken\n');
  });

  it('shows an API token once, and then only what it is', async () => {
    const added = await netport('token add ci --role operator');
    expect(added.out).toContain('API token ci, operator, until 2031-01-31 12:00:00Z');
    expect(added.out).toContain('\n  npa_new\n');
    expect((await netport('token ls')).out).toBe(
      'NAME  ROLE    CREATED  EXPIRES  LAST USED\nci    viewer  1 d ago  in 6 d   never\n',
    );
    expect(await netport('token add ci')).toMatchObject({ code: 2 });
    expect(await netport('token add ci --role root')).toMatchObject({ code: 2 });
    expect(await netport('token add ci --role viewer --expires 400d')).toMatchObject({ code: 2 });
  });

  it('makes a manufacturer known by the CA certificates in a file, and says what is trusted', async () => {
    const file = join(folder, 'acme.pem');
    await writeFile(file, 'PEM of acme');
    const added = await netport(`device-ca add acme --file ${file} --prefix acme- --auto-add`);
    const body = { name: 'acme', pem: 'PEM of acme', prefix: 'acme-', autoAdd: true };
    expect(double.asked).toMatchObject([{ method: 'POST', body }]);
    expect(added.out).toContain(`from\n  CN=Acme Root, until 2031-01-31 12:00:00Z\n  SHA-256 ${'f'.repeat(64)}\n`);
    expect(added.out).toContain('becomes the portal acme-x');
    expect((await netport('device-ca ls')).out).toBe(
      'NAME  PREFIX  ADDS PORTALS  TRUSTS        EXPIRES   CREATED\n' +
        'acme  acme-   yes           CN=Acme Root  in 365 d  1 d ago\n',
    );
    expect(JSON.parse((await netport('device-ca ls --json')).out)).toEqual([deviceAuthority]);
    expect(await netport('device-ca add acme --prefix acme-')).toMatchObject({ code: 2 });
    const unread = await netport('device-ca add acme --file /nowhere --prefix acme-');
    expect(unread).toMatchObject({ code: 1, err: expect.stringContaining('--file cannot be read') });
  });

  it('takes a password from standard input, or shows the one that was made', async () => {
    expect((await netport('admin add ada --role viewer')).out).toBe(
      'Added the local admin ada, viewer. The password is shown this once:\n\n  made-by-the-server\n\n',
    );
    double.asked.length = 0;
    expect(await netport('admin set ada --password-stdin', { stdin: 'a long password\n' })).toMatchObject({
      code: 0,
      out: 'Changed the local admin ada, viewer.\n',
    });
    expect(double.asked).toMatchObject([{ body: { password: 'a long password' } }]);
    expect(await netport('admin set ada --password-stdin', { stdin: 'short\n' })).toMatchObject({ code: 1 });
    expect(await netport('admin set ada')).toMatchObject({ code: 2 });
    expect((await netport('admin ls')).out).toBe('NAME  ROLE    CREATED  LAST SIGN-IN\nada   viewer  1 d ago  never\n');
  });

  it('explains: a line for each hop, then what comes close, then the cause and what to do; 0 only when it works', async () => {
    expect(await netport('explain laptop 127.0.0.1:8080')).toEqual({
      code: 1,
      err: '',
      out: [
        'laptop 127.0.0.1:8080 (tcp): broken, by web',
        '✖ listener  127.0.0.1:8080 is taken (address_in_use)',
        '✔ portal    laptop is online (2030-01-31 11:00:00Z, 1 h ago)',
        '! relay     the last request failed?forged line',
        '? target    nothing is known',
        'near: web-2: it listens on 127.0.0.1:8081, another port',
        '127.0.0.1:8080 is taken (address_in_use)',
        'Another program listens there.\n',
      ].join('\n'),
    });
    expect(await netport('explain laptop 53 --udp --json')).toMatchObject({ code: 1 });
    expect(await netport('explain laptop unix:/run/x.sock --probe')).toMatchObject({ code: 0 });
    expect(double.asked.map(({ query, body }) => [query, body])).toEqual([
      [{ portal: 'laptop', address: '127.0.0.1', port: '8080', protocol: 'tcp' }, undefined],
      [{ portal: 'laptop', port: '53', protocol: 'udp' }, undefined],
      [{}, { portal: 'laptop', address: 'unix:/run/x.sock', protocol: 'tcp' }],
    ]);
  });

  it('says how to have it tried, where nothing was seen to work or to fail', async () => {
    const { 'GET /explain': usual } = answers;
    answers['GET /explain'] = { json: { ...explanation, verdict: 'unknown', cause: null, nearest: [] } };
    const { out } = await netport('explain laptop 127.0.0.1:8080').finally(() => {
      if (usual) answers['GET /explain'] = usual;
    });
    expect(out).toMatch(/nothing is known\nhave the portals try it: --probe\n$/);
  });

  it('explains an event: what it was, what was done around it, and what is now', async () => {
    const { code, out } = await netport('explain --event 7');
    expect(out).toContain(
      [
        'event 7: stream.denied by spiffe://netport.test/portal/laptop at 2030-01-31 10:00:00Z, at the portal',
        'no rule (policy_denied)',
        'Grant one.',
        'web was disabled, by token:admin',
        'before: pair.disable by token:admin at 2030-01-31 09:00:00Z',
        'now:',
        'laptop 127.0.0.1:8080 (tcp): works, by web',
      ].join('\n'),
    );
    expect(code).toBe(0);
  });

  it.each(['explain', 'explain laptop', 'explain laptop 8080 --event 7', 'explain --event 7 --probe'])(
    '%s is refused as a usage error',
    async (words) => {
      expect(await netport(words)).toMatchObject({ code: 2, out: '', err: expect.stringContaining('error: ') });
      expect(double.asked).toEqual([]);
    },
  );

  it.each([
    ['portal label laptop role=spare site-', 'PATCH /portals/laptop', { labels: { role: 'spare' } }],
    ['relay label relay-1 site=bonn', 'PATCH /relays/relay-1', { labels: { site: 'bonn' } }],
  ])('%s reads the labels and asks %s', async (words, asked, body) => {
    expect(await netport(words)).toMatchObject({ code: 0, err: '' });
    expect(double.asked.map((one) => [endpoint(one), one.body])).toEqual([
      [asked.replace('PATCH', 'GET'), undefined],
      [asked, body],
    ]);
  });

  it('shows the audit trail like a log: the latest last', async () => {
    const { out } = await netport('audit --limit 2 --subject web');
    expect(out.indexOf('step.1')).toBeLessThan(out.indexOf('step.2'));
    expect(out).toContain('step.2  web      -     127.0.0.1  protocol=tcp pairs=["a"]\n');
    expect(double.asked[0]?.query).toEqual({ limit: '2', subject: 'web' });
  });

  it('prints a refusal with what to do', async () => {
    expect(await netport('portal rm gone')).toEqual({
      code: 1,
      out: '',
      err: 'error: There is no portal gone. (not_found)\nCheck the name; list what exists with ls.\n',
    });
  });

  it.each([
    ['nonsense', "unknown command 'nonsense'"],
    ['portal', 'Usage: netport portal'],
    ['portal add', "missing required argument 'name'"],
    ['portal add Laptop', 'use 1 to 63 of'],
    ['portal ls --yaml', "unknown option '--yaml'"],
    ['pair add web --from laptop:127.0.0.1:8080', "required option '--to"],
    ['portal label laptop site', 'write KEY=VALUE'],
    ['portal add laptop --label site=b/c', 'is no label: use at most 63 letters'],
    ['pair add web --from laptop:8080 --to a:b:1', 'Write PORTAL:ADDRESS:PORT, such as laptop:127.0.0.1:8080'],
    ['pair add web --from a:b:1 --to a:b:2 --transport sctp', 'Allowed choices are auto, tcp, quic'],
    ['pair add web --from a:b:1 --to a:b:2 --expires tomorrow', 'write 30s, 10m, 2h or 7d'],
    ['portal token laptop --expires 31d', 'a join token can be used for 1s to 30d'],
    ['audit --limit all', 'is no number'],
  ])('%s is a usage error, and asks nothing', async (words, message) => {
    const { code, out, err } = await netport(words);
    expect(err).toContain(message);
    expect({ code, out, asked: double.asked }).toEqual({ code: 2, out: '', asked: [] });
  });

  it('every command has help with an example', async () => {
    const commands = [
      'login',
      'audit',
      'ls circuits',
      'ls tunnels',
      'ls streams',
      'cert ls',
      'cert revoke',
      'cert rotate-ca',
    ];
    for (const action of ['add', 'ls', 'rm'])
      commands.push(`token ${action}`, `admin ${action}`, `device-ca ${action}`);
    commands.push('admin set');
    for (const kind of ['portal', 'relay']) {
      for (const action of ['add', 'ls', 'show', 'rm', 'token']) commands.push(`${kind} ${action}`);
    }
    for (const action of ['add', 'ls', 'show', 'rm', 'enable', 'disable']) commands.push(`pair ${action}`);
    for (const command of commands) {
      const { code, out } = await netport(`${command} --help`);
      expect(out, command).toMatch(new RegExp(`\nExample:\n  .*netport ${command}`));
      expect(code).toBe(0);
    }
    expect(await netport('--version')).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });

  describe('as a process', () => {
    const start = (...words: string[]) =>
      spawn(process.execPath, [fileURLToPath(new URL('../bin/netport.mjs', import.meta.url)), ...words], {
        env: { ...env, PATH: process.env.PATH ?? '' },
      });

    it('ends well when nobody reads on, as with | head', async () => {
      const child = start('audit', '--follow');
      let err = '';
      child.stderr.on('data', (chunk) => {
        err += chunk;
      });
      await once(child.stdout, 'data');
      child.stdout.destroy();
      // The closed pipe is only noticed with something new to write.
      newest = 3;
      const [code] = await once(child, 'close');
      expect({ code, err }).toEqual({ code: 0, err: '' });
    });

    it('follows the audit trail, each event once', async () => {
      const child = start('audit', '--follow', '--json');
      let out = '';
      child.stdout.on('data', (chunk) => {
        out += chunk;
        if (out.includes('step.2')) newest = 3;
        if (out.includes('step.3')) child.kill();
      });
      await once(child, 'close');
      expect(
        out
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line).action),
      ).toEqual(['step.1', 'step.2', 'step.3']);
    });
  });
});
