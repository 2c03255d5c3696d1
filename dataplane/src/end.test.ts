import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type NetConnectOpts, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkEnd, descriptorOf, endedInOrder, unavailable } from './index.js';

const skipped = unavailable ? ` (skipped: ${unavailable})` : '';

/** Two ends of a connection to a server that listens there: the one that connects, and the one that came, paused. */
async function pair(listen: (server: Server) => Server, to: (server: Server) => NetConnectOpts) {
  const server = listen(createServer({ allowHalfOpen: true, pauseOnConnect: true }));
  await once(server, 'listening');
  const near = connect({ ...to(server), allowHalfOpen: true });
  const [far] = (await once(server, 'connection')) as [Socket];
  for (const socket of [near, far]) socket.on('error', () => {});
  server.close();
  return [near, far] as const;
}

const tcpPair = () =>
  pair(
    (server) => server.listen(0, '127.0.0.1'),
    (server) => ({ port: (server.address() as AddressInfo).port, host: '127.0.0.1' }),
  );

async function unixPair() {
  const directory = mkdtempSync(join(tmpdir(), 'netport-'));
  const path = join(directory, 'socket');
  const sockets = await pair(
    (server) => server.listen(path),
    () => ({ path }),
  );
  rmSync(directory, { recursive: true, force: true });
  return sockets;
}

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

describe.skipIf(unavailable)(`an end of a socket, where the kernel is asked${skipped}`, () => {
  it.each([
    ['end', true],
    ['resetAndDestroy', false],
  ] as const)('after %s: in order is %s, and no less when our own direction has ended', async (how, inOrder) => {
    for (const ended of [false, true]) {
      const [program, socket] = await tcpPair();
      if (ended) await once(socket.end(), 'finish');
      await leave(program, how);
      expect(await verdict(socket, endedInOrder)).toBe(inOrder);
      socket.destroy();
    }
  });

  it('is none while nothing has ended, or bytes are left', async () => {
    const [program, socket] = await tcpPair();
    expect(endedInOrder(descriptorOf(socket) ?? -1)).toBe(false);
    await leave(program, 'end');
    expect(endedInOrder(descriptorOf(socket) ?? -1)).toBe(false);
    socket.destroy();
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
    const [program, socket] = await tcpPair();
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
