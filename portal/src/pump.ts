import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { checkEnd } from '@netport/dataplane';
import { limits } from '@netport/protocol';
import { pausedSockets } from './paused-sockets.js';
import type { TunnelStream } from './tunnel/tunnel.js';

/** What is gathered before the sender is told to wait: large writes are what makes TLS in Node fast. */
export const coalesceBytes = 1024 * 1024;

/** Payload bytes so far, as seen from the application at this portal. */
export interface PumpCounters {
  bytesSent: number;
  bytesReceived: number;
  /** UDP: datagrams that the tunnel could not take. */
  dropped?: number;
}

/** `ended`: both directions closed in order. `reset`: anything else. */
export type PumpOutcome = 'ended' | 'reset';

export interface Pump {
  readonly counters: PumpCounters;
  readonly done: Promise<PumpOutcome>;
  /** Resets both sides now. */
  cut(): void;
}

/**
 * Carries bytes between an application's socket (which must be half-open and paused) and a stream until both are
 * closed. An end travels as an end, a reset as a reset; who does not read stops who sends.
 */
export function pump(application: Socket, stream: TunnelStream, linger: number = limits.halfCloseLinger): Pump {
  const { bytes } = stream;
  const counters: PumpCounters = { bytesSent: 0, bytesReceived: 0 };
  let lingering: NodeJS.Timeout | undefined;

  const cut = (): void => {
    resetSocket(application);
    stream.reset();
  };
  const halfClosed = (): void => {
    lingering ??= setTimeout(cut, linger);
  };

  forward(application, bytes, (count) => {
    counters.bytesSent += count;
  });
  forward(bytes, application, (count) => {
    counters.bytesReceived += count;
  });
  application.once('end', () => checkEnd(application, (inOrder) => (inOrder ? bytes.end() : cut())));
  bytes.once('end', () => {
    if (stream.broken) cut();
    else application.end();
  });
  // Both were paused until somebody would listen.
  application.resume();
  bytes.resume();
  application.once('end', halfClosed);
  bytes.once('end', halfClosed);
  // Handled at 'close', which follows; without a listener it would end the process.
  application.on('error', () => {});

  const done = Promise.all([closed(application), closed(bytes)]).then(([one, other]): PumpOutcome => {
    clearTimeout(lingering);
    return one && other && !stream.broken ? 'ended' : 'reset';
  });
  void closed(application).then((inOrder) => {
    if (!inOrder) stream.reset();
  });
  void closed(bytes).then((inOrder) => {
    if (!inOrder || stream.broken) resetSocket(application);
  });
  return { counters, done, cut };
}

/**
 * Corks the sink until the event loop has read everything that is there: one write, and one TLS record run, for many
 * reads. The sink's own high-water mark is too small for that, so its queue is measured here.
 */
function forward(source: Duplex, sink: Duplex, count: (bytes: number) => void): void {
  const pause = () => (source instanceof Socket ? pausedSockets.pause(source) : source.pause());
  const resume = () => (source instanceof Socket ? pausedSockets.resume(source) : source.resume());
  let corked = false;
  const uncork = (): void => {
    corked = false;
    sink.uncork();
  };
  source.on('data', (chunk: Buffer) => {
    count(chunk.length);
    if (sink.destroyed || sink.writableEnded) return;
    if (!corked) {
      corked = true;
      sink.cork();
      setImmediate(uncork);
    }
    sink.write(chunk);
    if (sink.writableLength >= coalesceBytes) pause();
  });
  sink.on('drain', resume);
}

/** Whether both directions had ended when it closed. */
const closed = (end: Duplex): Promise<boolean> =>
  new Promise((resolve) => {
    const inOrder = (): boolean => end.readableEnded && end.writableFinished;
    if (end.destroyed) resolve(inOrder());
    else end.once('close', () => resolve(inOrder()));
  });

/** Closes so that the program at the other end sees a reset. A unix socket knows none: there it is a plain close. */
export function resetSocket(socket: Socket): void {
  // Node loses a socket that is reset while its shutdown is under way.
  const shuttingDown = socket.writableEnded && !socket.writableFinished && socket.writableLength === 0;
  if (socket.remoteAddress === undefined) socket.destroy();
  else if (shuttingDown) socket.once('finish', () => socket.resetAndDestroy());
  else socket.resetAndDestroy();
}
