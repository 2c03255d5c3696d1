import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endedInOrder, unavailable } from '@netport/dataplane';
import { describe, expect, it } from 'vitest';
import { checkEnd } from './socket-end.js';
import { socketPair } from './testing/sockets.js';

const skipped = unavailable ? ` (skipped: ${unavailable})` : '';

/** Whether a socket's end is one, or an error to Node already. */
function verdict(socket: Socket, ask: ((fd: number) => boolean) | null): Promise<boolean> {
  return new Promise((resolve) => {
    socket.once('error', () => resolve(false));
    socket.once('end', () => checkEnd(socket, resolve, ask));
    socket.resume();
  });
}

/** A program leaves with last bytes that nobody has read yet. */
async function leave(program: Socket, how: 'end' | 'resetAndDestroy' | 'destroy'): Promise<void> {
  program.write('the last bytes');
  program[how]();
  await once(program, how === 'end' ? 'finish' : 'close');
}

async function unixPair(): Promise<[Socket, Socket]> {
  const directory = mkdtempSync(join(tmpdir(), 'netport-'));
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }).listen(join(directory, 'socket'));
  await once(server, 'listening');
  const near = connect({ path: join(directory, 'socket'), allowHalfOpen: true });
  near.on('error', () => {});
  const [far] = (await once(server, 'connection')) as [Socket];
  server.close();
  rmSync(directory, { recursive: true, force: true });
  return [near, far];
}

describe.skipIf(unavailable)(`an end of a socket, where the kernel is asked${skipped}`, () => {
  it.each([
    ['end', true],
    ['resetAndDestroy', false],
  ] as const)('after %s: in order is %s, and no less when our own direction has ended', async (how, inOrder) => {
    for (const ended of [false, true]) {
      const [program, socket] = await socketPair();
      if (ended) await once(socket.end(), 'finish');
      await leave(program, how);
      expect(await verdict(socket, endedInOrder)).toBe(inOrder);
      socket.destroy();
    }
  });

  it.each([
    ['has read everything', '', true],
    ['has left bytes unread', 'for you', false],
  ])('of a unix socket whose program leaves and %s', async (_what, unread, inOrder) => {
    const [program, socket] = await unixPair();
    socket.write(unread);
    await leave(program, 'destroy');
    expect(await verdict(socket, endedInOrder)).toBe(inOrder);
    socket.destroy();
  });
});

describe('an end of a socket, where the kernel cannot be asked', () => {
  it.each([
    ['end', true],
    ['resetAndDestroy', false],
  ] as const)('after %s: in order is %s', async (how, inOrder) => {
    const [program, socket] = await socketPair();
    expect(socket.remoteAddress).toBe('127.0.0.1');
    await leave(program, how);
    expect(await verdict(socket, null)).toBe(inOrder);
    socket.destroy();
  });

  it('is believed of a unix socket, where a write fails after every end', async () => {
    const [program, socket] = await unixPair();
    await leave(program, 'destroy');
    expect(await verdict(socket, null)).toBe(true);
    socket.destroy();
  });
});
