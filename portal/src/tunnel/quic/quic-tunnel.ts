import { asNetportError, encodeQuicHead, limits, NetportError, type StreamHead } from '@netport/protocol';
import type { FlowQueue } from '../capsule-flow.js';
import { Liveness } from '../liveness.js';
import type { Tunnel, TunnelContext, TunnelCounters, TunnelFlow, TunnelHandlers, TunnelStream } from '../tunnel.js';
import { closeCodes, closeReason } from './close.js';
import type { DriverUser, QuicDriver } from './driver.js';
import { decodeFrame, QuicFlow } from './flow.js';
import { type Notice, Notices } from './notices.js';
import { awaitAnswer, receiveStream } from './opening.js';
import { QuicStream, type StreamHost } from './stream.js';

export interface QuicTunnelOptions extends TunnelHandlers {
  /** Established, its peer verified, its first turn still to come. */
  driver: QuicDriver;
  context: TunnelContext;
  times: { pingInterval: number; silence: number };
}

/** How often a tunnel's pulse is looked at: adds at most this much to the time until a dead peer is found. */
const pulseInterval = 1000;
/** Streams that are looked at in one turn for a peer that has stopped reading. */
const probesPerTurn = 32;
/** A bidirectional stream of the client has an id that is a multiple of this. */
const bidirectionalStep = 4;
/** Long enough for a reset to be repeated a few times. */
const discardAfterBeats = 2;
const junk = Buffer.alloc(64 * 1024);

/** A tunnel over a QUIC connection whose peer is known. */
export class QuicTunnel implements Tunnel, DriverUser, StreamHost {
  readonly context: TunnelContext;
  readonly since = new Date();
  readonly closed: Promise<NetportError>;
  /** The peer's word that it believes this side's certificate: the handshake ends before that is known. */
  readonly accepted: Promise<void>;
  readonly driver: QuicDriver;
  readonly #handlers: TunnelHandlers;
  readonly #notices: Notices;
  readonly #streams = new Map<number, QuicStream>();
  readonly #flows = new Map<number, QuicFlow>();
  readonly #flowQueue: FlowQueue = { bytes: 0 };
  #probes = this.#streams.values();
  #writers = new Set<QuicStream>();
  /** What the peer still sends on streams that were reset here → for how many beats. */
  readonly #discarded = new Map<number, number>();
  /** Closed here in order, and perhaps not acknowledged yet. */
  readonly #unsettled = new Set<number>();
  readonly #pulse: NodeJS.Timeout;
  #nextId = 0;
  #congestionWindow = 0;
  #ended = false;
  #drains = false;
  #reason: NetportError | undefined;
  #settle: (reason: NetportError) => void = () => {};
  #accept: () => void = () => {};

  constructor({ driver, context, times, onStream, onFlow }: QuicTunnelOptions) {
    this.driver = driver;
    this.context = context;
    this.#handlers = { onStream, onFlow };
    this.closed = new Promise((resolve) => {
      this.#settle = resolve;
    });
    this.accepted = new Promise((resolve) => {
      this.#accept = resolve;
    });
    this.#notices = new Notices(driver, context.role);
    this.#notices.send('accepted');
    const liveness = new Liveness(times, performance.now());
    this.#pulse = setInterval(() => this.#beat(liveness, times.silence), Math.min(pulseInterval, times.pingInterval));
    driver.passTo(this);
  }

  get open(): boolean {
    return !this.#ended && !this.#drains;
  }

  async openStream(head: StreamHead, abandon?: AbortSignal): Promise<TunnelStream> {
    return this.#ask(head, abandon);
  }

  async openFlow(head: StreamHead, abandon?: AbortSignal): Promise<TunnelFlow> {
    return this.#flowOn(await this.#ask(head, abandon));
  }

  drain(): void {
    if (!this.open) return;
    this.#reason ??= new NetportError('draining', 'this side drained the tunnel');
    this.#drains = true;
    this.#notices.send('draining');
    this.#finishDrain();
  }

  close(reason: NetportError): void {
    if (this.#ended) return;
    this.#reason = reason;
    this.driver.close(closeCodes.closed, `${reason.code}: ${reason.message}`);
  }

  counters(): TunnelCounters {
    const { sent, lost, sentBytes, recvBytes } = this.driver.quic.stats();
    const [path] = this.driver.quic.pathStats();
    return {
      ...{ streams: this.#streams.size, bytesSent: sentBytes, bytesReceived: recvBytes, rttMs: path?.rtt },
      lossPercent: sent === 0 ? 0 : (100 * lost) / sent,
      ...(path && { congestionWindow: path.cwnd }),
    };
  }

  onTurn(): void {
    try {
      for (const id of this.driver.quic.readable()) this.#onReadable(id);
      this.#notices.flush();
    } catch (thrown) {
      this.close(asNetportError(thrown, 'protocol_error'));
      return;
    }
    this.#probe(probesPerTurn);
    this.#serveWriters();
    this.#finishDrain();
  }

  onDatagram(bytes: Uint8Array): void {
    const frame = decodeFrame(bytes);
    if (frame) this.#flows.get(frame.stream)?.receive(frame.datagram);
  }

  onEnd(): void {
    this.#ended = true;
    clearInterval(this.#pulse);
    const reason = this.#reason ?? closeReason(this.driver.quic, this.context.peer);
    this.#reason = reason;
    for (const stream of this.#streams.values()) stream.reset();
    this.#settle(reason);
  }

  get enough(): number {
    // Waiting datagrams take all room as it comes: who waits for more of it than one of them needs gets none.
    if (this.driver.quic.dgramSendQueueLen() > 0) return limits.quicPacketBytes;
    return Math.min(limits.quicWriteBytes, this.#congestionWindow / 2);
  }

  waitToSend(stream: QuicStream): void {
    this.#writers.add(stream);
    this.driver.wake();
  }

  discard(id: number): void {
    if (!this.#ended) this.#discarded.set(id, 0);
  }

  onClosed(stream: QuicStream): void {
    this.#streams.delete(stream.id);
    this.#flows.delete(stream.id);
    this.#writers.delete(stream);
    if (!stream.broken && !this.#ended) this.#unsettled.add(stream.id);
    this.driver.wake();
  }

  async #ask(head: StreamHead, abandon?: AbortSignal): Promise<QuicStream> {
    if (this.context.role !== 'client') {
      throw new NetportError('protocol_error', 'the server of a tunnel cannot open streams');
    }
    if (!this.open) throw this.#reason ?? new NetportError('draining', 'the tunnel takes no more streams');
    this.#admit();
    if (this.driver.quic.peerStreamsLeftBidi() === 0) {
      this.drain();
      throw new NetportError('draining', 'the tunnel has used up its streams; another will be built');
    }
    const stream = this.#add(this.#nextId);
    this.#nextId += bidirectionalStep;
    stream.begin(encodeQuicHead(head));
    try {
      await awaitAnswer(stream, abandon);
      return stream;
    } catch (error) {
      // That the tunnel is gone says more than that the stream is.
      throw this.#ended && this.#reason ? this.#reason : error;
    }
  }

  #admit(): void {
    if (this.#drains) throw new NetportError('draining', 'the tunnel takes no more streams');
    if (this.#streams.size > limits.streamsPerTunnel) {
      throw new NetportError('limit_exceeded', `${limits.streamsPerTunnel} streams run with ${this.context.peer}`);
    }
  }

  #add(id: number): QuicStream {
    const stream = new QuicStream(id, this);
    this.#streams.set(id, stream);
    return stream;
  }

  #flowOn(stream: QuicStream): QuicFlow {
    const flow = new QuicFlow(stream, this.driver, this.#flowQueue);
    if (!stream.destroyed) this.#flows.set(stream.id, flow);
    return flow;
  }

  #onReadable(id: number): void {
    const stream = this.#streams.get(id);
    if (stream) stream.onReadable();
    else if (this.#notices.isTheirs(id)) for (const notice of this.#notices.receive()) this.#onNotice(notice);
    else if (!this.#discarded.has(id)) this.#receive(id);
  }

  /** The stack lets nobody but the client open a stream, and reports none that was closed here. */
  #receive(id: number): void {
    void receiveStream(this.#add(id), {
      handlers: this.#handlers,
      flowOn: (accepted) => this.#flowOn(accepted),
      admit: () => this.#admit(),
    });
  }

  #onNotice(notice: Notice): void {
    if (notice === 'accepted') this.#accept();
    else {
      this.#reason ??= new NetportError('draining', `${this.context.peer} drains the tunnel`);
      this.#drains = true;
    }
  }

  /** Not at once: with its last byte read, the stack would forget the stream, and not repeat a reset that got lost. */
  #throwAway(): void {
    for (const [id, beats] of this.#discarded) {
      if (beats < discardAfterBeats) this.#discarded.set(id, beats + 1);
      else if (this.#isOver(id)) this.#discarded.delete(id);
    }
  }

  #isOver(id: number): boolean {
    try {
      for (let got = this.driver.quic.streamRecv(id, junk); got; got = this.driver.quic.streamRecv(id, junk)) {
        if (got[1]) return true;
      }
      return false;
    } catch {
      // Reset by the peer in turn.
      return true;
    }
  }

  #probe(count: number): void {
    for (let i = 0; i < Math.min(count, this.#streams.size); i += 1) {
      const next = this.#probes.next();
      if (next.value) next.value.probe();
      else this.#probes = this.#streams.values();
    }
  }

  /** A share for each that waits, round after round, while there is room. */
  #serveWriters(): void {
    if (this.#writers.size === 0) return;
    const [path] = this.driver.quic.pathStats();
    this.#congestionWindow = path?.cwnd ?? 0;
    for (let progress = true; progress && this.#writers.size > 0; ) {
      progress = false;
      const writers = this.#writers;
      this.#writers = new Set();
      for (const writer of writers) {
        const state = writer.send();
        if (state !== 'idle') this.#writers.add(writer);
        if (state === 'more') progress = true;
      }
    }
  }

  #beat(liveness: Liveness, silence: number): void {
    this.#probe(this.#streams.size);
    // Only packets that could be decrypted count: a relay can make no others.
    const sign = liveness.tick(performance.now(), this.driver.quic.stats().recv);
    if (sign === 'ping') this.driver.quic.sendAckEliciting();
    if (sign === 'dead') {
      this.close(new NetportError('tunnel_lost', `no packet from ${this.context.peer} for ${silence} ms`));
    }
    this.#throwAway();
    // Asking costs more than remembering.
    if (this.#unsettled.size > limits.streamsPerTunnel) this.#settleStreams();
    this.driver.wake();
  }

  /** What the stack has forgotten was acknowledged whole. */
  #settleStreams(): void {
    for (const id of this.#unsettled) {
      try {
        this.driver.quic.streamCapacity(id);
      } catch {
        this.#unsettled.delete(id);
      }
    }
  }

  /** Only whoever began to drain knows that the last byte has arrived. */
  #finishDrain(): void {
    if (!this.#drains || this.#ended || this.#streams.size > 0) return;
    this.#settleStreams();
    if (this.#unsettled.size === 0) this.driver.close(closeCodes.drained, 'drained');
  }
}
