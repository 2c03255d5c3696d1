import { Duplex } from 'node:stream';
import { decodeStreamHead, encodeStreamHead, limits, NetportError, type StreamHead } from '@netport/protocol';
import { MemoryFlow } from './memory-flow.js';
import type {
  IncomingStream,
  Tunnel,
  TunnelContext,
  TunnelCounters,
  TunnelFlow,
  TunnelHandlers,
  TunnelStream,
} from './tunnel.js';

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

/** One end of a stream or of a flow, as far as its tunnel has to know. */
interface End {
  close(): void;
  closed: Promise<unknown>;
}

/** Everything of a request but how it is accepted. */
type Asked = Omit<IncomingStream, 'accept'>;

class MemoryTunnel implements Tunnel {
  readonly context: TunnelContext;
  readonly since = new Date();
  readonly closed: Promise<NetportError>;
  readonly handlers: TunnelHandlers | undefined;
  other: MemoryTunnel | undefined;
  open = true;
  readonly #ends = new Set<End>();
  #settle: (reason: NetportError) => void = () => {};

  constructor(context: TunnelContext, handlers: TunnelHandlers | undefined) {
    this.context = context;
    this.handlers = handlers;
    this.closed = new Promise((resolve) => {
      this.#settle = resolve;
    });
  }

  async openStream(head: StreamHead, abandon?: AbortSignal): Promise<TunnelStream> {
    const [near, far] = pipePair();
    await this.#ask(head, abandon, endOf(near), endOf(far), (handlers, asked, accepted) =>
      handlers.onStream({
        ...asked,
        accept: () => {
          accepted();
          return streamOf(far);
        },
      }),
    );
    return streamOf(near);
  }

  async openFlow(head: StreamHead, abandon?: AbortSignal): Promise<TunnelFlow> {
    const [near, far] = MemoryFlow.pair();
    await this.#ask(head, abandon, near, far, (handlers, asked, accepted) =>
      handlers.onFlow({
        ...asked,
        accept: () => {
          accepted();
          return far;
        },
      }),
    );
    return near;
  }

  drain(): void {
    const reason = new NetportError('draining', 'the tunnel was drained');
    for (const end of [this, this.other]) {
      if (!end) continue;
      end.open = false;
      if (end.#ends.size === 0) end.#settle(reason);
    }
  }

  close(reason: NetportError): void {
    this.open = false;
    for (const end of this.#ends) end.close();
    this.#settle(reason);
    if (this.other?.open) this.other.close(new NetportError('tunnel_lost', reason.message));
  }

  counters(): TunnelCounters {
    return { streams: this.#ends.size, bytesSent: 0, bytesReceived: 0, rttMs: 0 };
  }

  /** Resolves when the other end's handler, to which `offer` gives the request, has accepted it. */
  #ask(
    head: StreamHead,
    abandon: AbortSignal | undefined,
    near: End,
    far: End,
    offer: (handlers: TunnelHandlers, asked: Asked, accepted: () => void) => void,
  ): Promise<void> {
    const { other } = this;
    const handlers = other?.handlers;
    if (!this.open || !other || !handlers) {
      return Promise.reject(new NetportError('draining', 'the tunnel takes no more streams'));
    }
    this.#keep(near);
    other.#keep(far);
    return new Promise((resolve, reject) => {
      const abandoned = new AbortController();
      void far.closed.then(() => abandoned.abort());
      void near.closed.then(() => reject(new NetportError('tunnel_lost', 'the stream ended before it was answered')));
      abandon?.addEventListener('abort', () => near.close(), { once: true });
      const asked: Asked = {
        // Through the wire form, so that both implementations refuse the same heads.
        head: decodeStreamHead(encodeStreamHead(head)),
        abandoned: abandoned.signal,
        reject: (code, message) => {
          reject(new NetportError(code, message));
          far.close();
        },
      };
      offer(handlers, asked, () => setImmediate(resolve));
    });
  }

  #keep(end: End): void {
    this.#ends.add(end);
    void end.closed.then(() => {
      this.#ends.delete(end);
      if (!this.open && this.#ends.size === 0) this.#settle(new NetportError('draining', 'the tunnel was drained'));
    });
  }
}

const endOf = (pipe: Pipe): End => ({
  close: () => pipe.destroy(),
  closed: new Promise((resolve) => pipe.once('close', resolve)),
});

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
