import { once } from 'node:events';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { coalesceBytes, pump } from './pump.js';
import { socketPair, until } from './testing/sockets.js';
import type { TunnelStream } from './tunnel/tunnel.js';

/** A stream of a tunnel whose peer is this test: what it `takes`, what it `says`. */
function testStream(take: (chunk: Buffer, done: () => void) => void) {
  const bytes = new Duplex({ read: () => {}, write: (chunk, _encoding, done) => take(chunk, done) });
  bytes.on('error', () => {});
  let broken = false;
  const stream: TunnelStream = {
    bytes,
    get broken() {
      return broken;
    },
    reset: () => {
      broken = true;
      bytes.destroy();
    },
  };
  return stream;
}

const never = (): void => {};

/** How a socket ends for the program that holds it. */
async function fate(socket: Socket): Promise<string> {
  const error = once(socket, 'error').then(([reason]) => (reason as NodeJS.ErrnoException).code ?? 'error');
  socket.resume();
  return Promise.race([error, once(socket, 'end').then(() => 'end')]);
}

describe('pump', () => {
  it('stops reading at its limit while nobody takes what it read', async () => {
    const [program, application] = await socketPair();
    const stream = testStream(never);
    const { counters, cut } = pump(application, stream);
    program.write(Buffer.alloc(64 * coalesceBytes));
    await until(() => application.isPaused());
    expect(stream.bytes.writableLength).toBeLessThan(2 * coalesceBytes);
    expect(counters.bytesSent).toBeLessThan(2 * coalesceBytes);
    cut();
  });

  it('notices that a program has reset its connection while nobody takes what it sent', async () => {
    const [program, application] = await socketPair();
    const stream = testStream(never);
    const { done } = pump(application, stream);
    program.write(Buffer.alloc(4 * coalesceBytes));
    await until(() => application.isPaused());
    program.resetAndDestroy();
    expect(await done).toBe('reset');
    expect(stream.broken).toBe(true);
  });

  it('resets a connection of which one half stays open for too long', async () => {
    const [program, application] = await socketPair();
    const stream = testStream((_chunk, taken) => taken());
    const { done } = pump(application, stream, 1);
    program.end('all I have');
    expect(await fate(program)).toBe('ECONNRESET');
    expect(await done).toBe('reset');
  });

  it('gives a stream that broke to the program as a reset, never as an end', async () => {
    const [program, application] = await socketPair();
    const stream = testStream((_chunk, taken) => taken());
    pump(application, stream);
    stream.bytes.push('half of it');
    stream.reset();
    expect(await fate(program)).toBe('ECONNRESET');
  });
});
