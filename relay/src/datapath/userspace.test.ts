import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { type CircuitId, encodeReadyMark, limits } from '@netport/protocol';
import { beforeEach, describe, expect, it } from 'vitest';
import { closing, readAll, readReadyMark, socketPair, waitFor } from '../testing/sockets.js';
import type { Join } from './datapath.js';
import { userspaceDatapath } from './userspace.js';

const circuitId = '00000000-0000-4000-8000-000000000001' as CircuitId;

let join: Join;
/** The portals' ends. */
let far: [Socket, Socket];
/** The relay's ends. */
let near: [Socket, Socket];

beforeEach(open);

async function open(): Promise<void> {
  const [a, b] = [await socketPair(), await socketPair()];
  near = [a.near, b.near];
  far = [a.far, b.far];
  join = userspaceDatapath().join({ circuitId, ports: [1, 2], sockets: near });
  const marks = await Promise.all(far.map(readReadyMark));
  for (const mark of marks) expect(new Uint8Array(mark)).toEqual(encodeReadyMark());
}

describe.each([
  ['first', 0, 1],
  ['second', 1, 0],
] as const)('from the %s leg', (_, from, to) => {
  it('keeps a half-close: the reply still arrives whole', async () => {
    const [client, server] = [far[from], far[to]];
    client.end('question');
    expect((await readAll(server)).toString()).toBe('question');
    const reply = randomBytes(3_000_000);
    server.end(reply);
    expect((await readAll(client)).equals(reply)).toBe(true);
    expect(await join.closed).toBe('circuit_closed');
    expect([join.counters()[from], join.counters()[to]]).toEqual([8, 3_000_000]);
  });

  it('passes a reset on as a reset', async () => {
    const [client, server] = [far[from], far[to]];
    server.write('x');
    await once(client, 'data');
    client.resetAndDestroy();
    expect(await closing(server)).toBe('reset');
    expect(await join.closed).toBe('tunnel_lost');
  });

  // Node takes nearly all of these for ends.
  it.each([false, true])('passes a reset on that comes with bytes, the other direction ended: %s', async (ended) => {
    const [tries, fates] = [20, new Map<string, number>()];
    for (let i = 0; i < tries; i++, await open()) {
      const [client, server] = [far[from], far[to]];
      if (ended) {
        server.end();
        await readAll(client);
      }
      client.write('the last bytes');
      client.resetAndDestroy();
      const fate = `${await closing(server)}, ${await join.closed}`;
      fates.set(fate, (fates.get(fate) ?? 0) + 1);
    }
    expect(Object.fromEntries(fates)).toEqual({ 'reset, tunnel_lost': tries });
  });

  it('stops reading a sender whose receiver does not read, and goes on when it does', async () => {
    const [sender, receiver] = [far[from], far[to]];
    const block = randomBytes(64 * 1024);
    const hash = createHash('sha256');
    let sent = 0;
    const fill = () => {
      do {
        hash.update(block);
        sent += block.length;
      } while (sender.write(block));
    };
    fill();
    sender.on('drain', fill);
    // The kernel's buffers fill up first; then ours does, and then the sender's.
    await waitFor(() => near[from].isPaused());
    await expect.poll(() => sender.writableLength).toBeGreaterThan(0);
    const chunk = 64 * 1024;
    expect(near[to].writableLength).toBeLessThanOrEqual(limits.joinBufferBytes + chunk);
    expect(near[from].readableLength).toBeLessThanOrEqual(chunk);

    sender.off('drain', fill).end();
    expect(await digest(receiver)).toBe(hash.digest('hex'));
    expect(join.counters()[from]).toBe(sent);
  });
});

it('carries 256 MiB each way at once, unchanged and counted', { timeout: 60_000 }, async () => {
  const size = 256 * 1024 * 1024;
  const digests = await Promise.all([...far.map((socket) => sendRandom(socket, size)), ...far.map(digest)]);
  expect(digests[2]).toBe(digests[1]);
  expect(digests[3]).toBe(digests[0]);
  expect(await join.closed).toBe('circuit_closed');
  expect(join.counters()).toEqual([size, size]);
});

it('closes both legs on end', async () => {
  const closings = far.map(closing);
  join.end();
  expect(await Promise.all(closings)).toEqual(['end', 'end']);
  await join.closed;
});

/** Sends different pieces of one random block and ends; resolves with the SHA-256 of what it sent. */
async function sendRandom(socket: Socket, size: number): Promise<string> {
  const block = randomBytes(1024 * 1024);
  const hash = createHash('sha256');
  for (let sent = 0; sent < size; ) {
    const offset = (sent / block.length) % 1000;
    const piece = block.subarray(offset, Math.min(block.length, offset + size - sent));
    sent += piece.length;
    hash.update(piece);
    if (!socket.write(piece)) await once(socket, 'drain');
  }
  socket.end();
  return hash.digest('hex');
}

/** The SHA-256 of everything that arrives. An async iterator would close the other direction, too, at the end. */
async function digest(socket: Socket): Promise<string> {
  const hash = createHash('sha256');
  socket.on('data', (bytes) => hash.update(bytes));
  await once(socket, 'end');
  return hash.digest('hex');
}
