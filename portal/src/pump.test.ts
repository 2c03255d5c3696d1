import { once } from 'node:events';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { checkEnd } from '@netport/dataplane';
import { NetportError } from '@netport/protocol';
import { describe, expect, it } from 'vitest';
import { coalesceBytes, pump } from './pump.js';
import { socketPair, until } from './testing/sockets.js';
import { headOf, implementations } from './testing/tunnels.js';
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

/** How a socket ends for the program that holds it, also for one that reads with more care than Node. */
function fate(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    socket.once('error', (reason: NodeJS.ErrnoException) => resolve(reason.code ?? 'error'));
    socket.once('end', () => checkEnd(socket, (inOrder) => resolve(inOrder ? 'end' : 'ECONNRESET')));
    socket.resume();
  });
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

  it('takes a reset for one that comes together with the last bytes', async () => {
    const [program, application] = await socketPair();
    expect(application.remoteAddress).toBe('127.0.0.1');
    program.write('not all I have');
    program.resetAndDestroy();
    await once(program, 'close');
    const stream = testStream((_chunk, taken) => taken());
    const { done, counters } = pump(application, stream);
    expect(await done).toBe('reset');
    expect([counters.bytesSent, stream.broken]).toEqual([14, true]);
    expect(stream.bytes.writableEnded).toBe(false);
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

describe.each(implementations)('two pumps over %s', (_name, make) => {
  it('carry no reset as an end, whatever was in flight', async () => {
    const accepted: TunnelStream[] = [];
    const { client } = await make({
      onStream: (incoming) => accepted.push(incoming.accept()),
      onFlow: (flow) => flow.reject('policy_denied', 'no flows here'),
    });
    const sizes = [1, 1000, 60_000, 200_000];
    for (let round = 0; round < 100; round += 1) {
      const [program, application] = await socketPair();
      const [target, reader] = await socketPair();
      const near = await client.openStream(headOf('tcp'));
      const far = accepted.pop();
      if (!far) throw new Error('no stream came');
      // The reset is there before anything is read, or while it is: at either end of the tunnel.
      const [one, other] = round % 2 ? [near, far] : [far, near];
      const pumps = [pump(target, other)];
      if (round % 4 < 2) pumps.push(pump(application, one));
      program.write(Buffer.alloc(sizes[round % sizes.length] ?? 0));
      program.resetAndDestroy();
      await once(program, 'close');
      if (pumps.length < 2) pumps.push(pump(application, one));
      expect(await fate(reader), `round ${round}`).toBe('ECONNRESET');
      expect(await Promise.all(pumps.map(({ done }) => done))).toEqual(['reset', 'reset']);
    }
    client.close(new NetportError('draining', 'the test is over'));
  });
});
