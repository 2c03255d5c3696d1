import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  deferred,
  dial,
  ending,
  endingForOthers,
  exchange,
  freePort,
  Overlay,
  receivePayload,
  sendPayload,
  startEcho,
  startTarget,
  type Target,
} from '../harness/index.js';

const mib = 1024 ** 2;

describe.each([
  { transport: 'tcp', size: 1024 * mib },
  // QUIC costs several times the CPU for each byte.
  { transport: 'quic', size: 256 * mib },
])('one access pair carries TCP over $transport', ({ transport, size }) => {
  let overlay: Overlay;
  beforeAll(async () => {
    overlay = await Overlay.start({ portalArgs: ['--transport', transport] });
  });
  afterAll(() => overlay?.stop());

  const pairTo = async (name: string, target: Target): Promise<number> => {
    const port = await freePort();
    await overlay.addPair(name, `a:127.0.0.1:${port}`, `b:127.0.0.1:${target.port}`);
    return port;
  };

  it('bulk from A to B arrives with an equal SHA-256', async () => {
    const received = deferred<{ bytes: number; sha256: string }>();
    const target = await startTarget((socket) => {
      receivePayload(socket).then(received.resolve, received.reject);
    });
    const socket = await dial(await pairTo('upload', target));
    const sent = await sendPayload(socket, 1, size);
    socket.end();
    expect(await received.promise).toEqual({ bytes: size, sha256: sent });
    await target.close();
  });

  it('bulk from B to A arrives with an equal SHA-256', async () => {
    const sent = deferred<string>();
    const target = await startTarget((socket) => {
      sendPayload(socket, 2, size).then((hash) => {
        socket.end();
        sent.resolve(hash);
      }, sent.reject);
    });
    const socket = await dial(await pairTo('download', target));
    const received = await receivePayload(socket);
    expect(received).toEqual({ bytes: size, sha256: await sent.promise });
    socket.destroy();
    await target.close();
  });

  it('100 connections at once keep their payloads apart, in both directions', async () => {
    const target = await startEcho();
    const port = await pairTo('many', target);
    const each = 1_000_003;
    const results = await Promise.all(
      Array.from({ length: 100 }, async (_, seed) => {
        const socket = await dial(port);
        const received = receivePayload(socket);
        const sent = await sendPayload(socket, 1000 + seed, each);
        socket.end();
        return { sent, ...(await received) };
      }),
    );
    for (const { sent, sha256, bytes } of results) expect({ bytes, sha256 }).toEqual({ bytes: each, sha256: sent });
    expect(new Set(results.map(({ sha256 }) => sha256)).size).toBe(100);
    await target.close();
  });

  it('a client that has ended its side still gets the whole reply', async () => {
    const reply = Buffer.alloc(5_000_000, 'reply');
    const target = await startTarget((socket) => {
      // Only the end of the request starts the reply.
      receivePayload(socket).then(() => socket.end(reply));
    });
    const socket = await dial(await pairTo('half-close', target));
    socket.end('request');
    const { sha256 } = await receivePayload(socket);
    expect(sha256).toBe(createHash('sha256').update(reply).digest('hex'));
    await target.close();
  });

  it('a target that has ended its side still gets the whole request', async () => {
    const received = deferred<{ bytes: number }>();
    const target = await startTarget((socket) => {
      socket.end('enough');
      receivePayload(socket).then(received.resolve, received.reject);
    });
    const socket = await dial(await pairTo('half-close-back', target));
    expect(await ending(socket)).toBe('end');
    await sendPayload(socket, 3, 5_000_000);
    socket.end();
    expect((await received.promise).bytes).toBe(5_000_000);
    await target.close();
  });

  it('a reset at one end is a reset at the other, both ways', async () => {
    const target = await startEcho();
    const port = await pairTo('reset', target);
    for (const [from, to] of [
      ['client', 'target'],
      ['target', 'client'],
    ]) {
      const client = await dial(port);
      client.write('hello');
      await once(client, 'readable');
      const ends = { client, target: target.connections.at(-1) };
      const error = deferred<string>();
      const other = to === 'client' ? ends.client : ends.target;
      other?.on('error', (reason: NodeJS.ErrnoException) => error.resolve(reason.code ?? ''));
      other?.on('end', () => error.resolve('end')).resume();
      (from === 'client' ? ends.client : ends.target)?.resetAndDestroy();
      expect(await error.promise, `${from} → ${to}`).toBe('ECONNRESET');
    }
    await target.close();
  });

  it('a reset with data in flight is a reset for every reader, and never an end', async () => {
    const target = await startTarget((socket) => {
      socket.write(Buffer.alloc(100 * 2 ** (target.connections.length % 16)));
      socket.resetAndDestroy();
    });
    const port = await pairTo('reset-in-flight', target);
    const endings = await Promise.all(Array.from({ length: 32 }, () => endingForOthers(port)));
    expect(endings).toEqual(Array(32).fill('reset'));
    await target.close();
  });

  it('IPv6 addresses and DNS names work on both sides', async () => {
    for (const [name, address, host] of [
      ['ipv6', '[::1]', '::1'],
      ['dns', 'localhost', 'localhost'],
    ] as const) {
      const target = await startEcho({ host });
      const port = await freePort();
      await overlay.addPair(name, `a:${address}:${port}`, `b:${address}:${target.port}`);
      const socket = await dial({ host, port });
      expect(await exchange(socket, name)).toBe(name);
      socket.destroy();
      await target.close();
    }
  });

  it('a TCP listener reaches a unix socket, and a unix listener a TCP target', async () => {
    const path = join(overlay.directory, 'target.sock');
    const listener = join(overlay.directory, 'listener.sock');
    const unixTarget = await startEcho({ path });
    const tcpTarget = await startEcho();
    const port = await freePort();
    await overlay.addPair('to-unix', `a:127.0.0.1:${port}`, `b:unix:${path}`);
    await overlay.addPair('from-unix', `b:unix:${listener}`, `a:127.0.0.1:${tcpTarget.port}`);
    for (const address of [port, { path: listener }]) {
      const socket = await dial(address);
      const received = receivePayload(socket);
      const sent = await sendPayload(socket, 4, 3_000_000);
      socket.end();
      expect(await received).toEqual({ bytes: 3_000_000, sha256: sent });
    }
    await unixTarget.close();
    await tcpTarget.close();
  });
});
