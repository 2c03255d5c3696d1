import { once } from 'node:events';
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { limits } from '@netport/protocol';
import { expect, onTestFinished, test } from 'vitest';
import { waitFor } from '../../test/harness.js';
import { Watcher } from './watcher.js';

const frame = `event: traffic\ndata: "${'x'.repeat(65_536)}"\n\n`;

/** A watcher over a real connection, and the end that reads, or does not. */
async function watched(): Promise<{ watcher: Watcher; response: ServerResponse; incoming: IncomingMessage }> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const asked = once(server, 'request');
  const outgoing = get({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', agent: false });
  outgoing.on('error', () => {});
  const [, response] = (await asked) as [IncomingMessage, ServerResponse];
  response.flushHeaders();
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  incoming.on('error', () => {});
  return { watcher: new Watcher(response), response, incoming };
}

test('who does not read loses frames, and costs no more memory than one', async () => {
  const { watcher, response, incoming } = await watched();
  // Until the kernel's buffers are full; then a thousand more.
  for (let sent = 0; response.writableLength === 0 && sent < 1000; sent += 1) {
    watcher.send(frame, 0);
    await new Promise(setImmediate);
  }
  const kept = response.writableLength;
  expect(kept).toBeGreaterThan(0);
  for (let sent = 0; sent < 1000; sent += 1) watcher.send(frame, 0);
  expect(response.writableLength).toBeLessThanOrEqual(kept);
  expect(watcher.caughtUp()).toBe(false);

  incoming.resume();
  await waitFor('the watcher to have read', () => watcher.caughtUp());
  expect(watcher.caughtUp()).toBe(false);
});

test('who has not read for long is cut off', async () => {
  const { watcher, response } = await watched();
  while (response.writableLength === 0) {
    watcher.send(frame, 0);
    await new Promise(setImmediate);
  }
  watcher.beat(limits.liveUnread - 1);
  expect(response.destroyed).toBe(false);
  watcher.beat(limits.liveUnread);
  expect(response.destroyed).toBe(true);
});
