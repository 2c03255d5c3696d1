import type { Socket } from 'node:net';
import {
  asNetportError,
  type ErrorCode,
  formatEndpoint,
  formatSocketAddress,
  limits,
  NetportError,
  type PolicyDocument,
  type PolicyRule,
  type SpiffeId,
  type StreamHead,
} from '@netport/protocol';
import type { Logger } from '@netport/runtime';
import { connectTarget } from './connector/target.js';
import { type Direction, gate, type Question } from './gate.js';
import { type LiveStream, LiveStreams } from './live-streams.js';
import { pump, resetSocket } from './pump.js';
import type { IncomingStream, Tunnel, TunnelStream } from './tunnel/tunnel.js';

/** A stream that was refused, or that failed before or while it ran. */
export interface StreamFailure extends Question {
  error: NetportError;
  source: string;
  /** Refused by this portal's gate. */
  denied: boolean;
}

export interface ForwarderOptions {
  policy: () => PolicyDocument | undefined;
  /** The tunnel to a peer: standing, or built now. */
  tunnel: (peer: SpiffeId) => Promise<Tunnel>;
  onFailure: (failure: StreamFailure) => void;
  onEnd: (direction: Direction, code: ErrorCode | 'ok') => void;
  log: Logger;
  now: () => number;
}

/** What carries application connections: outgoing from a listener into a tunnel, incoming from a tunnel to a target. */
export class Forwarder {
  readonly streams = new LiveStreams();
  readonly #options: ForwarderOptions;
  /** Connections between accept and the peer's answer. */
  #waiting = 0;

  constructor(options: ForwarderOptions) {
    this.#options = options;
  }

  /** An application connected to the listener of `rule`. The socket is half-open and paused. */
  async outgoing(application: Socket, rule: PolicyRule): Promise<void> {
    const { pair, peer, protocol } = rule;
    const source = formatSocketAddress(application.remoteAddress, application.remotePort);
    const question: Question = { direction: 'outgoing', pair, peer, protocol };
    const abandoned = new AbortController();
    const giveUp = (): void => abandoned.abort();
    application.on('error', giveUp).once('close', giveUp);
    this.#waiting += 1;
    try {
      this.#permit(question);
      if (this.#waiting > limits.streamsPerTunnel)
        throw new NetportError('limit_exceeded', 'too many connections wait');
      const stream = await this.#openStream(peer, { pair, protocol, source }, abandoned.signal);
      this.#run(application, stream, question, source);
    } catch (thrown) {
      resetSocket(application);
      if (!abandoned.signal.aborted) this.#fail(question, source, thrown);
    } finally {
      this.#waiting -= 1;
    }
  }

  /** The authenticated `peer` asks for a stream. */
  async incoming(peer: SpiffeId, stream: IncomingStream): Promise<void> {
    const { pair, protocol, source } = stream.head;
    const question: Question = { direction: 'incoming', pair, peer, protocol };
    try {
      const rule = this.#permit(question);
      const target = await connectTarget(rule, stream.abandoned);
      try {
        // The policy may have changed while the target was dialled.
        this.#permit(question);
        if (stream.abandoned.aborted) throw new NetportError('stream_reset', 'the peer gave up waiting');
      } catch (error) {
        resetSocket(target);
        throw error;
      }
      this.#run(target, stream.accept(), question, source, formatEndpoint(rule));
    } catch (thrown) {
      const error = asNetportError(thrown);
      stream.reject(error.code, error.message);
      if (!stream.abandoned.aborted) this.#fail(question, source, error);
    }
  }

  /** A tunnel that began to drain in this moment refuses streams; the next one takes them. */
  async #openStream(peer: SpiffeId, head: StreamHead, abandon: AbortSignal): Promise<TunnelStream> {
    const { tunnel } = this.#options;
    try {
      return await (await tunnel(peer)).openStream(head, abandon);
    } catch (thrown) {
      if (asNetportError(thrown).code !== 'draining') throw thrown;
      return (await tunnel(peer)).openStream(head, abandon);
    }
  }

  #permit(question: Question): PolicyRule {
    const verdict = gate(this.#options.policy(), question, this.#options.now());
    if (!verdict.allow) throw new Denial(verdict.code, verdict.reason);
    return verdict.rule;
  }

  #run(application: Socket, stream: TunnelStream, question: Question, source: string, target?: string): void {
    const verdict = gate(this.#options.policy(), question, this.#options.now());
    if (!verdict.allow) {
      stream.reset();
      throw new Denial(verdict.code, verdict.reason);
    }
    const pumping = pump(application, stream);
    let cutFor: ErrorCode | undefined;
    const live: LiveStream = {
      ...question,
      rule: verdict.rule,
      source,
      ...(target === undefined ? {} : { target }),
      since: new Date(this.#options.now()),
      counters: pumping.counters,
      cut: (code, reason) => {
        if (cutFor) return;
        cutFor = code;
        this.#options.log.info({ ...question, source, code }, `stream cut: ${reason}`);
        pumping.cut();
      },
    };
    this.streams.add(live);
    void pumping.done.then((outcome) => {
      this.streams.remove(live);
      const code = cutFor ?? (outcome === 'ended' ? 'ok' : 'stream_reset');
      this.#options.onEnd(question.direction, code);
      this.#options.log.debug({ ...question, source, code, ...pumping.counters }, 'stream closed');
    });
  }

  #fail(question: Question, source: string, thrown: unknown): void {
    const denied = thrown instanceof Denial;
    const error = asNetportError(thrown);
    this.#options.onEnd(question.direction, error.code);
    this.#options.log.warn({ ...question, source, code: error.code }, `stream refused: ${error.message}`);
    this.#options.onFailure({ ...question, error, source, denied });
  }
}

/** This portal's own gate said no, as opposed to the peer's. */
class Denial extends NetportError {}
