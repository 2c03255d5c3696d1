import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type AuditEventView, limits, type TrustDomain } from '@netport/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  datagramReceiver,
  type Receiver,
  syslogReceiver,
  type TlsIdentity,
  webhookReceiver,
} from '../../test/audit-receivers.js';
import { silent, temporaryDirectory, waitFor } from '../../test/harness.js';
import { memoryAuthority } from '../../test/memory-authority.js';
import { parseSyslog } from '../../test/syslog-parser.js';
import { createMetrics, type Metrics } from '../metrics.js';
import { auditEvent, exportAudit, pruneAudit } from '../state/audit.js';
import { issueServerIdentity } from '../state/certificates.js';
import type { StateContext } from '../state/context.js';
import { openStore } from '../store/open-store.js';
import { type SinkSettings, startSinks } from './sinks.js';
import { parseSyslogUrl } from './syslog-delivery.js';
import { parseWebhookUrl } from './webhook-delivery.js';

const trustDomain = 'example.org' as TrustDomain;
const admin = { name: 'token:admin', origin: '192.0.2.7:1' };
const secret = 'a secret of thirty-two characters';

let directory: Awaited<ReturnType<typeof temporaryDirectory>>;
let context: StateContext;
let metrics: Metrics;
let tls: TlsIdentity;
const closers: (() => unknown)[] = [];
const file = (name: string): string => join(directory.path, name);
const open = () => openStore(`file:${file('state.db')}`, () => new Date());

beforeEach(async () => {
  directory = await temporaryDirectory();
  const authority = await memoryAuthority(trustDomain, new Date());
  const common = { authority, trustDomain, publicUrl: 'https://control.example.org:8443' };
  context = { ...common, store: await open(), now: () => new Date(), onAudit: () => {} };
  const { keyPem, chainPem } = await issueServerIdentity(context, ['127.0.0.1']);
  tls = { key: keyPem, cert: chainPem };
  await writeFile(file('ca.pem'), authority.rootPem);
  await writeFile(file('secret'), `${secret}\n`);
});
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  await context.store.close();
  await directory.remove();
});

async function write(count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    await auditEvent(context, admin, { action: 'test', subject: `Zürich "${n}"]`, detail: { n } });
  }
}

async function trail(): Promise<AuditEventView[]> {
  const events: AuditEventView[] = [];
  for await (const page of exportAudit(context, {})) events.push(...page);
  return events;
}

/** As at a start of the control server. Answers what stops it. */
async function run(settings: SinkSettings): Promise<() => Promise<void>> {
  metrics = createMetrics({ version: 'test', certificates: () => ({}) });
  const stop = await startSinks(settings, { context, hostname: 'control.example.org', metrics, log: silent });
  closers.push(stop);
  return stop;
}

const metric = async (name: string): Promise<number> => {
  const line = (await metrics.registry.metrics()).split('\n').find((one) => one.startsWith(`${name}{`));
  return Number(line?.split(' ').at(-1));
};

const arrived = (receiver: Receiver): Promise<boolean> =>
  waitFor(
    'the rest of the trail',
    async () => receiver.events.at(-1)?.id === (await context.store.records.current('audit')),
  );

/** Each at least once, and in order: what comes again begins again somewhere, and skips nothing. */
function expectInOrder(events: readonly AuditEventView[]): void {
  let known = 0;
  let last = 0;
  for (const { id } of events) {
    if (id !== last + 1) expect(id, 'begins again with something known').toBeLessThanOrEqual(known);
    last = id;
    known = Math.max(known, id);
  }
}

const kinds: Record<string, () => { receiver: Receiver; settings: () => SinkSettings }> = {
  'syslog over tcp': () => {
    const receiver = syslogReceiver();
    return { receiver, settings: () => ({ auditSyslog: parseSyslogUrl(`tcp://127.0.0.1:${receiver.port}`) }) };
  },
  'syslog over tls': () => {
    const receiver = syslogReceiver(tls);
    return {
      receiver,
      settings: () => ({ auditSyslog: parseSyslogUrl(`tls://127.0.0.1:${receiver.port}`), auditCa: file('ca.pem') }),
    };
  },
  'a webhook': () => {
    const receiver = webhookReceiver(tls, secret);
    return {
      receiver,
      settings: () => ({
        auditWebhook: parseWebhookUrl(`https://127.0.0.1:${receiver.port}/audit?of=netport`),
        auditWebhookSecret: file('secret'),
        auditCa: file('ca.pem'),
      }),
    };
  },
};

describe.each(Object.entries(kinds))('%s', (_kind, make) => {
  test('gets every event in order, through failures and restarts at both ends', async () => {
    const { receiver, settings } = make();
    receiver.mood = 'refuse';
    await receiver.start();
    await write(3);
    let stop = await run(settings());
    await waitFor('failures', () => receiver.failures >= 2);
    expect(await metric('netport_audit_sink_backlog')).toBe(3);
    expect(await metric('netport_audit_sink_failures_total')).toBeGreaterThanOrEqual(1);
    await stop();
    await context.store.close();
    context.store = await open();
    await write(limits.auditSinkBatch + 10);

    receiver.mood = 'forget';
    const before = receiver.failures;
    stop = await run(settings());
    await waitFor('a failure after a batch was read', () => receiver.failures > before);
    receiver.mood = 'takes';
    await arrived(receiver);
    await waitFor('an empty backlog', async () => (await metric('netport_audit_sink_backlog')) === 0);

    await receiver.stop();
    await write(2);
    const failures = await metric('netport_audit_sink_failures_total');
    await waitFor('a failure', async () => (await metric('netport_audit_sink_failures_total')) > failures);
    await stop();
    await receiver.start();
    closers.unshift(() => receiver.stop());
    await run(settings());
    await arrived(receiver);

    expect(receiver.faults).toEqual([]);
    expectInOrder(receiver.events);
    const distinct = new Map(receiver.events.map((event) => [event.id, event]));
    expect(receiver.events.length).toBeGreaterThan(distinct.size);
    expect([...distinct.values()].sort((a, b) => a.id - b.id)).toEqual(await trail());
  });
});

test('a receiver that takes connections and never answers holds up nobody, and stopping does not wait for it', async () => {
  const { receiver, settings } = kinds['a webhook']?.() ?? {};
  if (!receiver || !settings) throw new Error('no such kind');
  const silentOne = syslogReceiver();
  await silentOne.start();
  closers.unshift(() => silentOne.stop());
  await receiver.start();
  closers.unshift(() => receiver.stop());
  await write(1);
  // It speaks TLS to somebody who does not.
  const stop = await run({ ...settings(), auditSyslog: parseSyslogUrl(`tls://127.0.0.1:${silentOne.port}`) });
  await arrived(receiver);
  await stop();
  expect(silentOne.events).toEqual([]);
});

test('a receiver with a certificate of somebody else gets nothing', async () => {
  const receiver = syslogReceiver(tls);
  await receiver.start();
  closers.unshift(() => receiver.stop());
  await write(1);
  await run({ auditSyslog: parseSyslogUrl(`tls://127.0.0.1:${receiver.port}`) });
  await waitFor('a failure', async () => (await metric('netport_audit_sink_failures_total')) > 0);
  expect(receiver.events).toEqual([]);
});

test('syslog over udp sends one message a datagram, and cuts what is too long for one', async () => {
  const receiver = await datagramReceiver();
  closers.unshift(() => receiver.stop());
  await write(2);
  await auditEvent(context, admin, { action: 'test', subject: null, detail: { long: 'ü'.repeat(5000) } });
  await run({ auditSyslog: parseSyslogUrl(`udp://127.0.0.1:${receiver.port}`) });
  const [first, second, long] = await waitFor(
    'three datagrams',
    () => receiver.messages.length >= 3 && receiver.messages,
  );
  expect([first, second, long].map((bytes) => parseSyslog(bytes ?? Buffer.alloc(0)).data['netport@32473']?.id)).toEqual(
    [...['1', '2', '3']],
  );
  expect(JSON.parse(parseSyslog(first ?? Buffer.alloc(0)).text)).toEqual((await trail())[0]);
  expect(long?.length).toBe(limits.syslogDatagramBytes);
});

test('the backlog does not count what retention has removed', async () => {
  await write(5);
  await pruneAudit(context, new Date(Date.now() + 1000));
  // Nobody listens there.
  await run({ auditWebhook: parseWebhookUrl('http://127.0.0.1:1') });
  expect(await metric('netport_audit_sink_backlog')).toBe(1);
});

test.each<[string, SinkSettings, RegExp]>([
  ['no secret', { auditWebhookSecret: '/nonexistent' }, /cannot read the secret of the webhook: ENOENT/],
  ['no authority', { auditCa: '/nonexistent' }, /cannot read the CA certificates: ENOENT/],
])('refuses to start with %s in the file that should have it', async (_what, settings, message) => {
  await expect(run(settings)).rejects.toThrow(message);
});

test('refuses to start with a secret that is easy to guess', async () => {
  await writeFile(file('secret'), 'short\n');
  await expect(run({ auditWebhookSecret: file('secret') })).rejects.toThrow(/shorter than 16 characters/);
});

test.each([
  ['udp://log', { transport: 'udp', host: 'log', port: 514 }],
  ['tcp://log.example.org:5140', { transport: 'tcp', host: 'log.example.org', port: 5140 }],
  ['tls://[2001:db8::1]', { transport: 'tls', host: '2001:db8::1', port: 6514 }],
])('%s is a syslog receiver', (url, receiver) => expect(parseSyslogUrl(url)).toEqual(receiver));

test.each(['log:514', 'http://log', 'tcp://', 'tcp://log/path', 'tcp://user@log', 'tcp://log:99999', ''])(
  '"%s" is no syslog receiver',
  (url) => expect(() => parseSyslogUrl(url)).toThrow(/is not udp:/),
);

test.each(['http://example.org/', 'ftp://localhost', 'example.org', ''])('"%s" is no webhook', (url) =>
  expect(() => parseWebhookUrl(url)).toThrow(/is not https:/),
);
