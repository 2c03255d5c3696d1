import { Duplex } from 'node:stream';
import { decodeStreamHead, encodeStreamHead, limits, NetportError, type StreamHead } from '@netport/protocol';
import type { Tunnel, TunnelContext, TunnelCounters, TunnelFlow, TunnelHandlers, TunnelStream } from './tunnel.js';

/** The two ends of a tunnel without a network, for tests: `client` opens streams, `server` receives them. */
export function memoryTunnels(contexts: { client: TunnelContext; server: TunnelContext } & TunnelHandlers): {
  client: Tunnel;
  server: Tunnel;
} {
  const client = new MemoryTunnel(contexts.client, undefined);
  const server = new MemoryTunnel(contexts.server, contexts);
  client.other = server;
  server.other = client;
  return { client, server };
}

class MemoryTunnel implements Tunnel {
  readonly context: TunnelContext;
  readonly since = new Date();
  readonly closed: Promise<NetportError>;
  readonly handlers: TunnelHandlers | undefined;
  other: MemoryTunnel | undefined;
  open = true;
  readonly #pipes = new Set<Pipe>();
  #settle: (reason: NetportError) => void = () => {};

  constructor(context: TunnelContext, handlers: TunnelHandlers | undefined) {
    this.context = context;
    this.handlers = handlers;
    this.closed = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  openStream(head: StreamHead, abandon?: AbortSignal): Promise<TunnelStream> {
    const { other } = this;
    if (!this.open || !other?.handlers) {
      return Promise.reject(new NetportError('draining', 'the tunnel takes no more streams'));
    }
    const [near, far] = pipePair();
    this.#keep(near);
    other.#keep(far);
    const { handlers } = other;
    return new Promise((resolve, reject) => {
      const abandoned = new AbortController();
      far.once('close', () => abandoned.abort());
      near.once('close', () => reject(new NetportError('tunnel_lost', 'the stream ended before it was answered')));
      abandon?.addEventListener('abort', () => near.destroy(), { once: true });
      handlers.onStream({
        // Through the wire form, so that both implementations refuse the same heads.
        head: decodeStreamHead(encodeStreamHead(head)),
        abandoned: abandoned.signal,
        accept: () => {
          setImmediate(() => resolve(streamOf(near)));
          return streamOf(far);
        },
        reject: (code, message) => {
          reject(new NetportError(code, message));
          far.destroy();
        },
      });
    });
  }

  openFlow(): Promise<TunnelFlow> {
    return Promise.reject(new NetportError('unavailable', 'this tunnel carries no UDP'));
  }

  drain(): void {
    const reason = new NetportError('draining', 'the tunnel was drained');
    for (const end of [this, this.other]) {
      if (!end) continue;
      end.open = false;
      if (end.#pipes.size === 0) end.#settle(reason);
    }
  }

  close(reason: NetportError): void {
    this.open = false;
    for (const pipe of this.#pipes) pipe.destroy();
    this.#settle(reason);
    if (this.other?.open) this.other.close(new NetportError('tunnel_lost', reason.message));
  }

  counters(): TunnelCounters {
    return { streams: this.#pipes.size, bytesSent: 0, bytesReceived: 0, rttMs: 0 };
  }

  #keep(pipe: Pipe): void {
    this.#pipes.add(pipe);
    pipe.once('close', () => {
      this.#pipes.delete(pipe);
      if (!this.open && this.#pipes.size === 0) this.#settle(new NetportError('draining', 'the tunnel was drained'));
    });
  }
}

const streamOf = (pipe: Pipe): TunnelStream => ({
  bytes: pipe,
  get broken() {
    return pipe.destroyed && !(pipe.readableEnded && pipe.writableFinished);
  },
  reset: () => pipe.destroy(),
});

function pipePair(): [Pipe, Pipe] {
  const near = new Pipe();
  const far = new Pipe();
  near.other = far;
  far.other = near;
  return [near, far];
}

class Pipe extends Duplex {
  other: Pipe | undefined;
  /** The other end's writer, waiting until somebody reads here. */
  #writer: (() => void) | undefined;

  constructor() {
    super({ allowHalfOpen: true, highWaterMark: limits.frameBytes });
    this.on('error', () => {});
  }

  override _read(): void {
    const writer = this.#writer;
    this.#writer = undefined;
    writer?.();
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    if (!this.other || this.other.destroyed) done(new NetportError('stream_reset', 'the other end is gone'));
    else if (this.other.push(chunk)) done();
    else this.other.#writer = done;
  }

  override _final(done: () => void): void {
    this.other?.push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const finished = this.readableEnded && this.writableFinished;
    if (!finished) this.other?.destroy();
    done(error);
  }
}
