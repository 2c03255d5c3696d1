import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { commandLine } from '../../test/command-line.js';
import {
  type Certificate,
  controlDouble,
  missing,
  problem,
  type Reply,
  selfSigned,
} from '../../test/control-double.js';

const portal = (name: string) => ({
  apiVersion: 'netport.dev/v1',
  kind: 'Portal',
  metadata: { name, labels: {} },
  spec: {},
});
const created = {
  changes: [
    {
      action: 'create',
      kind: 'Portal',
      name: 'laptop',
      fields: [{ path: 'metadata.labels', before: null, after: { site: 'x' } }],
    },
    { action: 'update', kind: 'AccessPair', name: 'web', fields: [{ path: 'spec.to.port', before: 80, after: 443 }] },
    {
      action: 'delete',
      kind: 'Group',
      name: 'old',
      fields: [{ path: 'spec', before: { portals: ['a', 'b'] }, after: null }],
    },
    { action: 'unchanged', kind: 'Portal', name: 'gw' },
  ],
  tests: [{ test: 'a may reach b:1', passed: true, why: '' }],
  revision: 7,
};
const same = { changes: [{ action: 'unchanged', kind: 'Portal', name: 'laptop' }], tests: [], revision: 7 };
const failing = {
  ...created,
  tests: [{ test: 'a may reach b:1', passed: false, why: 'no access pair lets a reach b:*:1' }],
};

let certificate: Certificate;
let double: Awaited<ReturnType<typeof controlDouble>>;
let folder: string;
let file: string;
let replies: Record<string, Reply>;

const netport = (words: string, stdin: Readable = Readable.from([])) =>
  commandLine(words, {
    env: { NETPORT_URL: double.url, NETPORT_CA: join(folder, 'root.pem'), NETPORT_TOKEN: 'npa_secret' },
    stdin,
    now: () => 0,
  });
const asked = () => double.asked.map(({ path, body }) => ({ path: path.replace('/api/v1/policy', ''), body }));
/** Somebody at a terminal. */
const person = (answer: string) => Object.assign(Readable.from([answer]), { isTTY: true });

describe.skipIf(missing)(`policy files${missing ? ` (${missing})` : ''}`, () => {
  beforeAll(() => {
    certificate = selfSigned();
  });
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'netport-policy-'));
    file = join(folder, 'policy.yaml');
    await writeFile(join(folder, 'root.pem'), certificate.cert);
    await writeFile(file, 'apiVersion: netport.dev/v1\nkind: Portal\nmetadata:\n  name: laptop\n');
    replies = {
      'POST /api/v1/policy/diff': { json: created },
      'POST /api/v1/policy/apply': { json: created },
      'GET /api/v1/policy': { json: { documents: [portal('a'), portal('b')], revision: 7 } },
    };
    double = await controlDouble(certificate, ({ method, path }) => replies[`${method} ${path}`]);
  });
  afterEach(async () => {
    await double.close();
    await rm(folder, { recursive: true });
  });

  it('apply shows what has changed, and says what comes next', async () => {
    const { code, out } = await netport(`apply -f ${file} --prune`);
    expect(out).toBe(
      '+ Portal laptop  site=x\n' +
        '~ AccessPair web\n' +
        '    spec.to.port: 80 → 443\n' +
        '- Group old  a, b\n' +
        '1 to create, 1 to change, 1 to delete, 1 unchanged.\n' +
        'Tests: 1 of 1 pass.\n' +
        'Applied.\n' +
        'The portal laptop is new: netport portal token laptop makes its join token.\n',
    );
    expect(code).toBe(0);
    expect(asked()).toEqual([{ path: '/apply', body: { documents: [portal('laptop')], prune: true } }]);
  });

  it('at a terminal, apply shows what would change, and applies it at that revision only', async () => {
    const { out } = await netport(`apply -f ${file}`, person('yes\n'));
    expect(out.match(/~ AccessPair web\n/g)).toHaveLength(1);
    expect(asked()).toEqual([
      { path: '/diff', body: { documents: [portal('laptop')], prune: false } },
      { path: '/apply', body: { documents: [portal('laptop')], prune: false, revision: 7 } },
    ]);
  });

  it.each([
    ['no', '', 1, ['/diff']],
    ['yes', '', 0, ['/diff', '/apply']],
    ['no', ' --yes', 0, ['/apply']],
  ])('at a terminal, %s is an answer%s', async (answer, option, code, paths) => {
    expect((await netport(`apply -f ${file}${option}`, person(`${answer}\n`))).code).toBe(code);
    expect(asked().map(({ path }) => path)).toEqual(paths);
  });

  it('apply --dry-run changes nothing, and fails where a test does', async () => {
    expect((await netport(`apply -f ${file} --dry-run`)).code).toBe(0);
    replies['POST /api/v1/policy/diff'] = { json: failing };
    const { code, out } = await netport(`apply -f ${file} --dry-run`);
    expect(code).toBe(1);
    expect(out).toContain('FAILED a may reach b:1: no access pair lets a reach b:*:1\n');
    expect(out).toContain('Tests: 0 of 1 pass.\n');
    expect(asked().every(({ path }) => path === '/diff')).toBe(true);
  });

  it('--json is the answer alone', async () => {
    expect(JSON.parse((await netport(`apply -f ${file} --json`)).out)).toEqual(created);
    expect(JSON.parse((await netport(`diff -f ${file} --json`)).out)).toEqual(created);
  });

  it.each<[string, Reply, number]>([
    ['0 when nothing would change', { json: same }, 0],
    ['1 when something would', { json: created }, 1],
    ['2 when a test would fail', { json: failing }, 2],
    ['2 when the documents are refused', problem(400, 'invalid_request', 'no'), 2],
  ])('diff exits with %s', async (_what, reply, code) => {
    replies['POST /api/v1/policy/diff'] = reply;
    expect((await netport(`diff -f ${file}`)).code).toBe(code);
  });

  it('a mistake is told with its place, found here or by the server, and nothing is sent on', async () => {
    replies['POST /api/v1/policy/apply'] = problem(400, 'invalid_request', 'documents.0.metadata.name: taken', [
      { path: 'documents.0.metadata.name', message: 'taken' },
    ]);
    const { code, err } = await netport(`apply -f ${file}`);
    expect(code).toBe(1);
    expect(err).toContain(`\n${file}:4:9: metadata.name: taken`);
    await writeFile(file, 'kind: Portal\n');
    expect((await netport(`apply -f ${file}`)).err).toContain(
      `\n${file}:1:1: apiVersion: apiVersion is netport.dev/v1`,
    );
    expect(asked()).toHaveLength(1);
  });

  it('apply reads standard input, and what export prints', async () => {
    const { out } = await netport('export');
    expect(parseAllDocuments(out).map((document) => document.toJS())).toEqual([portal('a'), portal('b')]);
    await netport('apply -f -', Readable.from([out]));
    await netport('apply -f -', Readable.from([(await netport('export --json')).out]));
    const sent = asked().filter(({ path }) => path === '/apply');
    expect(sent).toHaveLength(2);
    for (const { body } of sent) expect(body).toMatchObject({ documents: [portal('a'), portal('b')] });
  });
});
