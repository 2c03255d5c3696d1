import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:https';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { syslogReceiver } from '../../test/audit-receivers.js';
import { temporaryDirectory, waitFor } from '../../test/harness.js';

const program = fileURLToPath(new URL('../../bin/netport-control.mjs', import.meta.url));

test.each([
  [['--audit-retention', '1h'], /kept for one day \(1d\) at least/],
  [['--audit-retention', 'soon'], /soon/],
  [['--audit-syslog', 'log:514'], /is not udp:/],
  [['--audit-webhook', 'http://example.org/'], /is not https:/],
])('%j is a usage error that says what to write', async (args, message) => {
  const { code, stderr } = await new Promise<{ code: unknown; stderr: string }>((resolve) =>
    execFile(process.execPath, [program, 'run', '--data', '/nonexistent', ...args], (error, _stdout, stderr) =>
      resolve({ code: error?.code, stderr }),
    ),
  );
  expect(code).toBe(2);
  expect(stderr).toMatch(message);
});

test('the program delivers what its options say, also when they are in the environment', async () => {
  const directory = await temporaryDirectory();
  const receiver = syslogReceiver();
  await receiver.start();
  const env = {
    ...process.env,
    NETPORT_AUDIT_SYSLOG: `tcp://127.0.0.1:${receiver.port}`,
    NETPORT_AUDIT_RETENTION: '30d',
  };
  const args = [program, 'run', '--data', directory.path, '--listen', '127.0.0.1:0', '--log-level', 'info'];
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    log += text;
  });
  try {
    const url = await waitFor('it to listen', () => /"url":"(https:[^"]+)"/.exec(log)?.[1]);
    // Without a client certificate: a refusal is an audit event, and it needs no token.
    request(`${url}/.well-known/est/simpleenroll`, { method: 'POST', rejectUnauthorized: false, agent: false })
      .on('error', () => {})
      .end('x');
    const event = await waitFor('the event', () => receiver.events[0]);
    expect(event).toMatchObject({ id: 1 });
    expect(receiver.faults).toEqual([]);
  } finally {
    child.kill('SIGTERM');
    await once(child, 'exit');
    await receiver.stop();
    await directory.remove();
  }
});
