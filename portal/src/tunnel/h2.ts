import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type Http2Session,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { asNetportError, encodeStreamHead, limits, NetportError, type StreamHead } from '@netport/protocol';
import { CapsuleFlow, type FlowQueue } from './capsule-flow.js';
import { sessionOptions } from './h2-settings.js';
import { awaitAnswer, breakOff, type Reset, receiveStream, tunnelStream } from './h2-stream.js';
import { Liveness } from './liveness.js';
import { isResetList, ResetBudget, ResetList, readResetList } from './resets.js';
import type { Tunnel, TunnelContext, TunnelCounters, TunnelFlow, TunnelHandlers, TunnelStream } from './tunnel.js';

export interface H2Options extends TunnelHandlers {
  /** After a finished handshake with ALPN h2, its peer verified. Owned by the tunnel from here. */
  socket: TLSSocket;
  context: TunnelContext;
  /** Milliseconds. */
  times?: { pingInterval: number; silence: number };
}

const times = { pingInterval: limits.tunnelPingInterval, silence: limits.tunnelSilence };
/** How often a tunnel's pulse is looked at: adds at most this much to the time until a dead peer is found. */
const pulseInterval = 1000;
/** Short against any round trip, so that the stall which `keepReading` ends is not felt. */
const stallCheckInterval = 10;

/** Resolves once the peer's SETTINGS came: only then is it known that the peer believes this side's certificate. */
export function openH2Tunnel(options: H2Options): Promise<Tunnel> {
  const { socket, context } = options;
  if (socket.alpnProtocol !== 'h2') {
    socket.destroy();
    return Promise.reject(new NetportError('tunnel_failed', 'the peer did not choose HTTP/2 (ALPN h2)'));
  }
  const tunnel = new H2Tunnel(options);
  return new Promise((resolve, reject) => {
    tunnel.session.once('remoteSettings', () => {
      tunnel.ping();
      resolve(tunnel);
    });
    void tunnel.closed.then((reason) =>
      reject(
        new NetportError('tunnel_failed', `${context.peer} ended the set-up: ${reason.message}`, { cause: reason }),
      ),
    );
  });
}

class H2Tunnel implements Tunnel {
  readonly context: TunnelContext;
  readonly session: Http2Session;
  readonly since = new Date();
  readonly closed: Promise<NetportError>;
  readonly #socket: TLSSocket;
  readonly #client: ClientHttp2Session | undefined;
  readonly #budget = new ResetBudget(performance.now());
  /** The client's resets: by itself while it may, by the server's hand beyond that. */
  readonly #reset: Reset = (stream, code) => {
    if (stream.id === undefined || this.#budget.take(performance.now())) stream.close(code);
    else if (!this.#resets?.add(stream.id)) stream.close(code);
  };
  readonly #queue: FlowQueue = { bytes: 0 };
  #resets: ResetList | undefined;
  #reason: NetportError | undefined;
  #streams = 0;
  #rttMs: number | undefined;

  constructor(options: H2Options) {
    const { socket, context, times: vital = times } = options;
    this.context = context;
    this.#socket = socket;
    if (context.role === 'client') {
      this.#client = connect('https://portal.invalid', { ...sessionOptions, createConnection: () => socket });
      this.session = this.#client;
      this.#resets = new ResetList(this.#client);
      // A server cannot push (the settings forbid it): whoever tries is not one of ours.
      this.session.on('stream', (stream) => stream.close(constants.NGHTTP2_REFUSED_STREAM));
    } else {
      this.session = this.#serve(performServerHandshake(socket, sessionOptions), options);
    }

    const { session } = this;
    session.on('error', (error) => this.#lost(error.message));
    session.on('frameError', (type, code) => this.#lost(`frame ${type} could not be sent (${code})`));
    session.on('goaway', (code) => {
      this.#reason ??= new NetportError(code === 0 ? 'draining' : 'tunnel_lost', `the peer said GOAWAY (${code})`);
      setImmediate(() => this.#finishDrain());
    });
    socket.on('error', (error) => this.#lost(error.message));
    // The client's session connects in the next tick; its handle takes no window before that.
    if (session.connecting) session.once('connect', () => session.setLocalWindowSize(limits.tunnelWindowBytes));
    else session.setLocalWindowSize(limits.tunnelWindowBytes);

    const clocks = this.#watch(vital);
    this.closed = new Promise((resolve) => {
      session.once('close', () => {
        for (const clock of clocks) clearInterval(clock);
        socket.destroy();
        resolve(this.#reason ?? new NetportError('tunnel_lost', `the connection to ${context.peer} was closed`));
      });
    });
  }

  get open(): boolean {
    return !this.session.closed && !this.session.destroyed;
  }

  async openStream(head: StreamHead, abandon?: AbortSignal): Promise<TunnelStream> {
    return tunnelStream(await this.#request(head, abandon), this.#reset);
  }

  async openFlow(head: StreamHead, abandon?: AbortSignal): Promise<TunnelFlow> {
    const stream = await this.#request(head, abandon);
    return new CapsuleFlow(stream, this.#queue, () => breakOff(stream, this.#reset));
  }

  drain(): void {
    this.#reason ??= new NetportError('draining', 'this side drained the tunnel');
    if (this.open) this.session.close();
    this.#finishDrain();
  }

  close(reason: NetportError): void {
    this.#reason = reason;
    if (!this.session.destroyed) this.session.destroy(reason, constants.NGHTTP2_CANCEL);
    // Where a write waits, the session waits for that, and nobody tells it that the connection is gone.
    setTimeout(() => this.#socket.destroy(), limits.tunnelCloseGrace).unref();
  }

  counters(): TunnelCounters {
    const { bytesRead, bytesWritten } = this.#socket;
    return { streams: this.#streams, bytesSent: bytesWritten, bytesReceived: bytesRead, rttMs: this.#rttMs };
  }

  #serve(session: ServerHttp2Session, handlers: TunnelHandlers): ServerHttp2Session {
    const streams = new Map<number, ServerHttp2Stream>();
    session.on('stream', (stream, fields) => {
      if (isResetList(fields)) {
        readResetList(stream, (id) => {
          const listed = streams.get(id);
          if (listed) breakOff(listed);
        });
        return;
      }
      const { id } = stream;
      if (id !== undefined) streams.set(id, stream);
      stream.once('close', () => id !== undefined && streams.delete(id));
      this.#count(stream);
      receiveStream(stream, fields, handlers, this.#queue);
    });
    return session;
  }

  async #request(head: StreamHead, abandon?: AbortSignal): Promise<ClientHttp2Stream> {
    if (!this.#client) throw new NetportError('protocol_error', 'the server of a tunnel cannot open streams');
    if (!this.open) throw this.#reason ?? new NetportError('draining', 'the tunnel takes no more streams');
    if (this.#streams >= limits.streamsPerTunnel) {
      throw new NetportError('limit_exceeded', `${limits.streamsPerTunnel} streams run to ${this.context.peer}`);
    }
    try {
      const stream = this.#client.request(encodeStreamHead(head), { endStream: false });
      this.#count(stream);
      await awaitAnswer(stream, this.#reset, abandon);
      return stream;
    } catch (thrown) {
      throw asNetportError(thrown, 'tunnel_lost');
    }
  }

  #count(stream: NodeJS.EventEmitter): void {
    this.#streams += 1;
    stream.once('close', () => {
      this.#streams -= 1;
      this.#finishDrain();
    });
  }

  /** The last stream of a draining session is gone: what is left is the list of resets. */
  #finishDrain(): void {
    if (this.#streams === 0 && this.session.closed) this.#resets?.end();
  }

  #lost(message: string): void {
    this.#reason ??= new NetportError('tunnel_lost', `tunnel to ${this.context.peer}: ${message}`);
  }

  #watch(vital: { pingInterval: number; silence: number }): NodeJS.Timeout[] {
    const liveness = new Liveness(vital, performance.now());
    const pulse = setInterval(
      () => {
        const sign = liveness.tick(performance.now(), this.#socket.bytesRead);
        if (sign === 'ping') this.ping();
        if (sign === 'dead') {
          this.close(new NetportError('tunnel_lost', `no byte from ${this.context.peer} for ${vital.silence} ms`));
          this.#socket.destroy();
        }
      },
      Math.min(pulseInterval, vital.pingInterval),
    );
    return [pulse, keepReading(this.#socket, () => this.#streams > 0)];
  }

  /** Measures the round trip. */
  ping(): void {
    if (!this.open) return;
    // False when too many are unanswered; then silence decides.
    this.session.ping((error, duration) => {
      if (!error) this.#rttMs = duration;
    });
  }
}

/**
 * node:http2 stops reading its socket while a write to it waits. When both ends send more than the path between them
 * holds, both wait for ever: neither reads. So a session from which nothing came since the last look is told to read
 * on; what it may receive is bounded by its windows either way.
 */
function keepReading(socket: TLSSocket, busy: () => boolean): NodeJS.Timeout {
  const { _handle: handle } = socket as TLSSocket & { _handle?: { readStart?: () => number } };
  let seen = -1;
  return setInterval(() => {
    if (busy() && socket.bytesRead === seen && !socket.destroyed) handle?.readStart?.();
    seen = socket.bytesRead;
  }, stallCheckInterval);
}
