import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { AuditEventView, CircuitView, StreamView } from '@netport/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  dial,
  exchange,
  freePort,
  freeUdpPort,
  Overlay,
  root,
  startEcho,
  startUdpEcho,
  type Target,
  UdpClient,
  waitFor,
} from '../harness/index.js';

const run = promisify(execFile);

type Record = AuditEventView & { detail: { stream: string; bytesSent: number; bytesReceived: number; reason: string } };

describe.each(['tcp', 'quic'])('the audit trail, tunnels over %s', (transport) => {
  let overlay: Overlay;
  let target: Target;
  let port: number;
  beforeAll(async () => {
    overlay = await Overlay.start({ portalArgs: ['--transport', transport, '--udp-idle', '3s'] });
    target = await startEcho();
    port = await freePort();
    // A name, so that what is recorded can only come from the socket.
    await overlay.addPair('echo', `a:127.0.0.1:${port}`, `b:localhost:${target.port}`);
  });
  afterAll(async () => {
    await overlay?.stop();
    await target?.close();
  });

  const records = async (action: string, pair = 'echo'): Promise<Record[]> =>
    (await overlay.cli<Record[]>(['audit', '--action', action, '--pair', pair])).reverse();

  it('has each stream’s start and end: who, over what, to which address really, how much', async () => {
    const before = (await records('stream.end')).length;
    const socket = await dial(port);
    const source = `127.0.0.1:${socket.localPort}`;
    const text = 'x'.repeat(50_000);
    expect(await exchange(socket, text)).toBe(text);
    const opened = await waitFor('the start', async () => (await records('stream.open'))[before]);
    const about = {
      ...{ pair: 'echo', from: 'a', to: 'b', relay: 'relay-1', protocol: 'tcp', transport, source },
      ...{
        target: expect.stringMatching(new RegExp(`^(127\\.0\\.0\\.1|\\[::1\\]):${target.port}$`)),
        reportedBy: 'both',
      },
    };
    expect(opened.detail).toMatchObject(about);
    const [live] = await overlay.cli<StreamView[]>(['ls', 'streams']);
    expect(live).toMatchObject({ bytesSent: text.length, bytesReceived: text.length });

    socket.end();
    const ended = await waitFor('the end', async () => (await records('stream.end'))[before]);
    expect(ended.detail).toMatchObject({
      ...about,
      ...{ stream: opened.detail.stream, bytesSent: text.length, bytesReceived: text.length, reason: 'ok' },
    });
    expect(ended.detail).not.toHaveProperty('atTarget');
    // The relay carried the same bytes, encrypted, and the set-up of the tunnel.
    const [circuit] = await overlay.cli<CircuitView[]>(['ls', 'circuits']);
    for (const carried of [circuit?.bytesSent ?? 0, circuit?.bytesReceived ?? 0]) {
      expect(carried).toBeGreaterThanOrEqual(text.length);
      expect(carried).toBeLessThan(text.length * 2 + 100_000);
    }
  });

  it('gets the end of a stream that ended while the control server was away, exactly once', async () => {
    const before = (await records('stream.open')).length;
    const socket = await dial(port);
    expect(await exchange(socket, 'before')).toBe('before');
    const opened = await waitFor('the start', async () => (await records('stream.open'))[before]);
    await waitFor('a running stream', async () => (await overlay.cli<StreamView[]>(['ls', 'streams'])).length === 1);
    await overlay.control.stop('SIGKILL');
    expect(await exchange(socket, 'while it is away')).toBe('while it is away');
    socket.end();
    await overlay.restartControl();
    const mine = async () =>
      (await records('stream.end')).filter(({ detail }) => detail.stream === opened.detail.stream);
    await waitFor('the end', async () => (await mine()).length > 0, 90_000);
    // What comes after it shows that nothing more of it came.
    const next = await dial(port);
    expect(await exchange(next, 'next')).toBe('next');
    next.end();
    await waitFor('the next end', async () => (await records('stream.end')).at(-1)?.detail.bytesSent === 4);
    expect((await mine()).map(({ detail }) => detail)).toMatchObject([
      { bytesSent: 22, bytesReceived: 22, reason: 'ok', target: expect.stringContaining(`:${target.port}`) },
    ]);
  });

  it('has each UDP flow’s start and end', async () => {
    const echo = await startUdpEcho();
    const listener = await freeUdpPort();
    await overlay.addPair('datagrams', `a:127.0.0.1:${listener}`, `b:localhost:${echo.port}`, ['--udp']);
    const client = await UdpClient.connect(listener);
    // All at once: a pause between them would end the flow on a machine that stands still for as long.
    for (const size of [1, 500, 1200]) client.send(Buffer.alloc(size));
    const ended = await waitFor('the end', async () => (await records('stream.end', 'datagrams')).at(0));
    const [opened] = await records('stream.open', 'datagrams');
    const about = {
      ...{ pair: 'datagrams', from: 'a', to: 'b', relay: 'relay-1', protocol: 'udp', transport, reportedBy: 'both' },
      source: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      target: expect.stringMatching(new RegExp(`^(127\\.0\\.0\\.1|\\[::1\\]):${echo.port}$`)),
    };
    expect(opened?.detail).toMatchObject(about);
    const stream = opened?.detail.stream;
    expect(ended.detail).toMatchObject({ ...about, stream, bytesSent: 1701, bytesReceived: 1701, reason: 'ok' });
    client.close();
    await echo.close();
  });

  it('is whole, and exports as lines that say so by themselves', async () => {
    expect(await overlay.admin(['audit', 'verify'])).toMatch(/whole/);
    const lines = (await overlay.admin(['audit', 'export', '--pair', 'echo', '--since', '1h'])).trim().split('\n');
    const events = lines.map((line) => JSON.parse(line) as AuditEventView);
    expect(events.map(({ action }) => action)).toContain('stream.end');
    expect(events.map(({ id }) => id)).toEqual(events.map(({ id }) => id).sort((a, b) => a - b));
  });

  it('says to whoever verifies it that somebody has changed the database', async () => {
    const [event] = await records('pair.add', 'echo');
    await overlay.control.stop('SIGTERM');
    const statements = [
      'DROP TRIGGER "AuditEvent_no_update"',
      `UPDATE "AuditEvent" SET actor = 'x' WHERE id = ${event?.id}`,
    ];
    await changeDatabase(join(overlay.directory, 'control/netport.db'), statements);
    await overlay.restartControl();
    const { code, stderr } = await overlay.tryCli(['audit', 'verify']);
    expect(stderr).toMatch(`event ${event?.id}: its content does not have its hash (audit_chain_broken)`);
    expect(code).toBe(1);
  });
});

/** As somebody does who has the file: with the control server's own driver, in a process that knows nothing else of it. */
async function changeDatabase(file: string, statements: readonly string[]): Promise<void> {
  const code = `
    import { createClient } from '@libsql/client';
    const client = createClient({ url: 'file:' + process.argv[1] });
    for (const statement of process.argv.slice(2)) await client.execute(statement);
  `;
  const cwd = join(root, 'control-server');
  await run(process.execPath, ['--input-type=module', '--eval', code, file, ...statements], { cwd });
}
