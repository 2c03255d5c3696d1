import type { Socket } from 'node:net';
import { checkEnd } from '@netport/dataplane';
import { type ErrorCode, encodeReadyMark, limits } from '@netport/protocol';
import { joinDatagrams } from './datagrams.js';
import type { Datapath, Join, TcpLegs } from './datapath.js';

/**
 * Joins sockets in this process: works everywhere. It keeps nothing of its own, so there is nothing to adopt or give back.
 * `reason`: why it is not the kernel's, where that was wanted.
 */
export const userspaceDatapath = (reason?: string): Datapath => ({
  kind: 'userspace',
  open: () => {},
  release: () => {},
  join,
  joinDatagrams,
  adopt: () => [],
  describe: () => ({ reason, interfaces: [], drops: {}, declined: {} }),
  close: () => {},
});

function join({ sockets: [a, b] }: TcpLegs): Join {
  const bytes: [number, number] = [0, 0];
  let code: ErrorCode = 'circuit_closed';
  const breakOff = () => {
    code = 'tunnel_lost';
    for (const leg of [a, b]) if (!leg.destroyed) leg.resetAndDestroy();
  };
  for (const leg of [a, b]) leg.on('error', breakOff);
  const closed = Promise.all([whenClosed(a), whenClosed(b)]).then(() => code);

  for (const leg of [a, b]) {
    leg.setNoDelay(true);
    leg.setKeepAlive(true, limits.legKeepAlive);
    leg.write(encodeReadyMark());
  }
  pump(a, b, breakOff, (count) => {
    bytes[0] += count;
  });
  pump(b, a, breakOff, (count) => {
    bytes[1] += count;
  });
  return {
    datapath: 'userspace',
    counters: () => [...bytes],
    packets: () => undefined,
    end: () => {
      for (const leg of [a, b]) leg.destroy();
    },
    closed,
  };
}

const whenClosed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    if (socket.closed) resolve();
    else socket.once('close', () => resolve());
  });

/**
 * Forwards one direction. All that one turn of the event loop reads leaves in one writev: half as many system calls again
 * as `pipe()` makes. Buffers at most `joinBufferBytes` and the read that went over it.
 */
function pump(from: Socket, to: Socket, breakOff: () => void, count: (bytes: number) => void): void {
  let corked = false;
  const uncork = () => {
    corked = false;
    to.uncork();
  };
  from.on('data', (chunk: Buffer) => {
    count(chunk.length);
    if (!corked) {
      corked = true;
      to.cork();
      setImmediate(uncork);
    }
    to.write(chunk);
    if (to.writableLength >= limits.joinBufferBytes) from.pause();
  });
  to.on('drain', () => from.resume());
  from.on('end', () => checkEnd(from, (inOrder) => (inOrder ? to.end() : breakOff())));
}
