import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import type { CircuitView, TunnelView } from '@netport/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dial, exchange, freePort, Overlay, startEcho, startTarget, waitFor } from '../harness/index.js';

const mib = 1024 ** 2;
/** Bytes resident at most: a portal begins with about 90 MB, on any Node. */
const limit = 150_000_000;

describe('memory stays bounded', () => {
  let overlay: Overlay;
  beforeAll(async () => {
    overlay = await Overlay.start({ portalArgs: ['--transport', 'tcp'] });
  });
  afterAll(() => overlay?.stop());

  const peaks = async (): Promise<Record<string, number>> => {
    const members = [overlay.portal('a'), overlay.portal('b'), overlay.relay('relay-1')];
    const entries = members.map(async ({ name, process }) => [name, (await process.memory()).peak] as const);
    return Object.fromEntries(await Promise.all(entries));
  };

  it('a slow reader with 1 GiB behind it costs no process 150 MB, and gets every byte', async () => {
    const size = 1024 * mib;
    const block = Buffer.alloc(mib, 'slow reader');
    const target = await startTarget(async (socket) => {
      for (let sent = 0; sent < size; sent += block.length) {
        if (!socket.write(block)) await once(socket, 'drain');
      }
      socket.end();
    });
    const port = await freePort();
    await overlay.addPair('slow', `a:127.0.0.1:${port}`, `b:127.0.0.1:${target.port}`);
    const socket = await dial(port);
    const hash = createHash('sha256');
    let received = 0;
    // Slow at first, with the sender stalled behind every window on the way; then fast, to see that all of it is there.
    for await (const chunk of socket) {
      hash.update(chunk);
      received += chunk.length;
      if (received < 8 * mib) await pause(20);
    }
    const expected = createHash('sha256');
    for (let sent = 0; sent < size; sent += block.length) expected.update(block);
    expect(received).toBe(size);
    expect(hash.digest('hex')).toBe(expected.digest('hex'));
    for (const [name, peak] of Object.entries(await peaks())) expect(peak, name).toBeLessThan(limit);
    socket.destroy();
    await target.close();
    await waitFor('the stream to be gone', async () => (await overlay.cli<unknown[]>(['ls', 'streams'])).length === 0);
  });

  it('1,000 idle streams share one tunnel, and each still works', async () => {
    const target = await startEcho();
    const port = await freePort();
    await overlay.addPair('idle', `a:127.0.0.1:${port}`, `b:127.0.0.1:${target.port}`);
    const sockets = await Promise.all(Array.from({ length: 1000 }, () => dial(port)));
    await waitFor('1,000 connections at the target', () => target.connections.length === 1000);
    const tunnels = await overlay.cli<TunnelView[]>(['ls', 'tunnels']);
    expect(tunnels).toHaveLength(1);
    expect(tunnels[0]).toMatchObject({ from: 'a', to: 'b', streams: 1000 });
    expect(await overlay.cli<CircuitView[]>(['ls', 'circuits'])).toHaveLength(1);
    expect(await overlay.cli<unknown[]>(['ls', 'streams'])).toHaveLength(1000);
    const answers = await Promise.all(sockets.map((socket, i) => exchange(socket, `stream ${i}`)));
    expect(answers).toEqual(sockets.map((_, i) => `stream ${i}`));
    for (const socket of sockets) socket.destroy();
    await target.close();
  });
});
