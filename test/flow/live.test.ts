import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { createInterface } from 'node:readline';
import { type LiveEvent, liveEventSchema, type Traffic } from '@netport/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dial, exchange, freePort, Overlay, startEcho, type Target } from '../harness/index.js';

describe('what is seen live', () => {
  let overlay: Overlay;
  let target: Target;
  beforeAll(async () => {
    overlay = await Overlay.start({ portalArgs: ['--transport', 'tcp'] });
    target = await startEcho();
  });
  afterAll(async () => {
    await overlay?.stop();
    await target?.close();
  });

  async function openLive(): Promise<IncomingMessage> {
    const [token, ca] = await Promise.all([overlay.adminToken(), readFile(overlay.rootFile)]);
    return new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}` };
      request(`${overlay.url}/api/v1/live`, { headers, ca, agent: false }, resolve).on('error', reject).end();
    });
  }

  async function* events(incoming: IncomingMessage): AsyncGenerator<LiveEvent> {
    let event = '';
    for await (const line of createInterface({ input: incoming })) {
      const [, field, value = ''] = /^(event|data): (.*)$/.exec(line) ?? [];
      if (field === 'event') event = value;
      if (field === 'data') yield liveEventSchema.parse({ event, data: JSON.parse(value) });
    }
  }

  /** The first picture of the traffic that passes. */
  async function traffic(incoming: IncomingMessage, passes: (data: Traffic) => boolean): Promise<Traffic> {
    for await (const { event, data } of events(incoming)) if (event === 'traffic' && passes(data)) return data;
    throw new Error('the stream of events ended');
  }

  it('is the traffic of the portals: the bytes of an application, and the addresses that they came from and went to', async () => {
    const port = await freePort();
    await overlay.addPair('echo', `a:127.0.0.1:${port}`, `b:127.0.0.1:${target.port}`);
    const socket = await dial(port);
    const text = 'seen live '.repeat(10_000);
    expect(await exchange(socket, text)).toBe(text);
    const incoming = await openLive();
    const seen = await traffic(incoming, ({ streams }) => (streams[0]?.bytesReceived ?? 0) >= text.length);
    expect(seen.streams).toMatchObject([
      {
        ...{ pair: 'echo', from: 'a', to: 'b', bytesSent: text.length, bytesReceived: text.length },
        ...{ source: `127.0.0.1:${socket.localPort}`, target: `127.0.0.1:${target.port}` },
      },
    ]);
    expect(seen.tunnels).toMatchObject([{ from: 'a', to: 'b', streams: 1 }]);
    expect(seen.totals.streams).toBe(1);
    expect(seen.totals.bytesSent).toBeGreaterThanOrEqual(text.length);
    expect(seen.totals.bytesReceived).toBeGreaterThanOrEqual(text.length);
    socket.destroy();
    incoming.destroy();
  });
});
