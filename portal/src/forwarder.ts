import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import {
  asNetportError,
  type ErrorCode,
  formatEndpoint,
  formatSocketAddress,
  limits,
  type Name,
  NetportError,
  type PolicyDocument,
  type PolicyRule,
  type SpiffeId,
  type StreamHead,
  type StreamId,
  type StreamReport,
  type TransportPreference,
} from '@netport/protocol';
import type { Logger } from '@netport/runtime';
import { type Carrier, tcpCarrier, udpCarrier } from './carrier.js';
import { type DatagramClient, noDrops } from './datagram-end.js';
import { type Direction, gate, type Question } from './gate.js';
import { type LiveStream, LiveStreams } from './live-streams.js';
import { resetSocket } from './pump.js';
import type { Incoming, IncomingFlow, IncomingStream, Tunnel, TunnelContext } from './tunnel/tunnel.js';

/** A stream that was refused, or that failed before or while it ran. */
export interface StreamFailure extends Question {
  error: NetportError;
  source: string;
  /** Refused by this portal's gate. */
  denied: boolean;
}

type TunnelTransport = TunnelContext['transport'];

/** What is told of a stream besides what inspection shows. */
interface Recorded {
  stream: StreamId;
  relay?: Name;
  /** What was really dialled: a name may have had many addresses. */
  dialled?: string;
}

export interface ForwarderOptions {
  policy: () => PolicyDocument | undefined;
  /** The tunnel to a peer: standing, or built now. */
  tunnel: (peer: SpiffeId, preference: TransportPreference) => Promise<Tunnel>;
  onFailure: (failure: StreamFailure) => void;
  onEnd: (direction: Direction, code: ErrorCode | 'ok') => void;
  /** A stream began, or ended. */
  onReport?: (report: StreamReport) => void;
  log: Logger;
  now: () => number;
}

/** An application at a listener, whatever its protocol. */
interface Application<End> {
  end: End;
  source: string;
  /** Aborted when the application is gone. */
  gone: AbortSignal;
  refuse(): void;
}

/** What carries applications: outgoing from a listener into a tunnel, incoming from a tunnel to a target. */
export class Forwarder {
  readonly streams = new LiveStreams();
  /** Of UDP, at this portal's clients and targets. */
  readonly drops = noDrops();
  readonly #udp = udpCarrier(this.drops);
  readonly #options: ForwarderOptions;
  /** Applications between accept and the peer's answer. */
  #waiting = 0;

  constructor(options: ForwarderOptions) {
    this.#options = options;
  }

  /** An application connected to the listener of `rule`. The socket is half-open and paused. */
  outgoing(socket: Socket, rule: PolicyRule): Promise<void> {
    const gone = new AbortController();
    const giveUp = (): void => gone.abort();
    socket.on('error', giveUp).once('close', giveUp);
    const source = formatSocketAddress(socket.remoteAddress, socket.remotePort);
    const refuse = (): void => resetSocket(socket);
    return this.#outgoing(tcpCarrier, { end: socket, source, gone: gone.signal, refuse }, rule);
  }

  /** A client began to send datagrams to the listener of `rule`. */
  outgoingFlow(client: DatagramClient, rule: PolicyRule): Promise<void> {
    const gone = new AbortController();
    void client.closed.then(() => gone.abort());
    const { source } = client;
    return this.#outgoing(this.#udp, { end: client, source, gone: gone.signal, refuse: () => client.refuse() }, rule);
  }

  /** The authenticated `peer` asks for a stream. */
  incoming(peer: SpiffeId, transport: TunnelTransport, stream: IncomingStream): Promise<void> {
    return this.#incoming(tcpCarrier, peer, transport, stream);
  }

  /** The authenticated `peer` asks for a flow. */
  incomingFlow(peer: SpiffeId, transport: TunnelTransport, flow: IncomingFlow): Promise<void> {
    return this.#incoming(this.#udp, peer, transport, flow);
  }

  async #outgoing<End, Link>(
    carrier: Carrier<End, Link>,
    application: Application<End>,
    rule: PolicyRule,
  ): Promise<void> {
    const { pair, peer, protocol } = rule;
    const { end, source, gone } = application;
    const question: Question = { direction: 'outgoing', pair, peer, protocol };
    this.#waiting += 1;
    try {
      this.#permit(question);
      if (this.#waiting > limits.streamsPerTunnel)
        throw new NetportError('limit_exceeded', 'too many connections wait');
      const stream = randomUUID() as StreamId;
      const { link, transport, relay } = await this.#open(carrier, rule, { source, stream }, gone);
      this.#run(carrier, end, link, { ...question, transport, source }, { stream, relay });
    } catch (thrown) {
      application.refuse();
      if (!gone.aborted) this.#fail(question, source, thrown);
    } finally {
      this.#waiting -= 1;
    }
  }

  async #incoming<End, Link>(
    carrier: Carrier<End, Link>,
    peer: SpiffeId,
    transport: TunnelTransport,
    asked: Incoming<Link>,
  ): Promise<void> {
    const { pair, protocol, source } = asked.head;
    const question: Question = { direction: 'incoming', pair, peer, protocol };
    try {
      const rule = this.#permit(question);
      const target = await carrier.connect(rule, asked.abandoned);
      try {
        // The policy may have changed while the target was dialled.
        this.#permit(question);
        if (asked.abandoned.aborted) throw new NetportError('stream_reset', 'the peer gave up waiting');
      } catch (error) {
        carrier.dropEnd(target);
        throw error;
      }
      const running = { ...question, transport, source, target: formatEndpoint(rule) };
      // A peer that is older than these ids names none.
      const stream = asked.head.stream ?? (randomUUID() as StreamId);
      const dialled = carrier.dialled(target) ?? running.target;
      this.#run(carrier, target, asked.accept(), running, { stream, dialled });
    } catch (thrown) {
      const error = asNetportError(thrown);
      asked.reject(error.code, error.message);
      if (!asked.abandoned.aborted) this.#fail(question, source, error);
    }
  }

  /** A tunnel that began to drain in this moment takes nothing; the next one does. */
  async #open<Link>(
    carrier: Pick<Carrier<unknown, Link>, 'open'>,
    { pair, peer, protocol, transport }: PolicyRule,
    application: Pick<StreamHead, 'source' | 'stream'>,
    abandon: AbortSignal,
  ): Promise<{ link: Link; transport: TunnelTransport; relay: Name }> {
    const head: StreamHead = { pair, protocol, ...application };
    const open = async () => {
      const tunnel = await this.#options.tunnel(peer, transport ?? 'auto');
      const link = await carrier.open(tunnel, head, abandon);
      return { link, transport: tunnel.context.transport, relay: tunnel.context.relay as Name };
    };
    try {
      return await open();
    } catch (thrown) {
      if (asNetportError(thrown).code !== 'draining') throw thrown;
      return open();
    }
  }

  #permit(question: Question): PolicyRule {
    const verdict = gate(this.#options.policy(), question, this.#options.now());
    if (!verdict.allow) throw new Denial(verdict.code, verdict.reason);
    return verdict.rule;
  }

  #run<End, Link>(
    carrier: Carrier<End, Link>,
    end: End,
    link: Link,
    running: Question & Pick<LiveStream, 'transport' | 'source' | 'target'>,
    recorded: Recorded,
  ): void {
    const { transport, target, ...question } = running;
    const verdict = gate(this.#options.policy(), running, this.#options.now());
    if (!verdict.allow) {
      carrier.dropLink(link);
      throw new Denial(verdict.code, verdict.reason);
    }
    const pumping = carrier.pump(end, link);
    let cutFor: ErrorCode | undefined;
    const live: LiveStream = {
      ...running,
      rule: verdict.rule,
      since: new Date(this.#options.now()),
      counters: pumping.counters,
      cut: (code, reason) => {
        if (cutFor) return;
        cutFor = code;
        this.#options.log.info({ ...question, code }, `stream cut: ${reason}`);
        pumping.cut();
      },
    };
    this.streams.add(live);
    this.#options.onReport?.({ event: 'open', ...reportOf(live, recorded) });
    void pumping.done.then((outcome) => {
      this.streams.remove(live);
      const code = cutFor ?? (outcome === 'ended' ? 'ok' : 'stream_reset');
      this.#options.onEnd(question.direction, code);
      this.#options.onReport?.(endReport(live, recorded, { code, now: this.#options.now() }));
      this.#options.log.debug({ ...question, code, ...pumping.counters }, 'stream closed');
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

const reportOf = (
  { pair, peer, direction, protocol, transport, source, since }: LiveStream,
  { stream, relay, dialled }: Recorded,
) => ({
  ...{ stream, pair, peer, direction, protocol, transport, source },
  ...(relay && { relay }),
  ...(dialled !== undefined && { target: dialled }),
  openedAt: since.toISOString(),
});

const endReport = (
  live: LiveStream,
  recorded: Recorded,
  { code, now }: { code: ErrorCode | 'ok'; now: number },
): StreamReport => ({
  event: 'end',
  ...reportOf(live, recorded),
  endedAt: new Date(now).toISOString(),
  durationMs: Math.max(0, now - live.since.getTime()),
  bytesSent: live.counters.bytesSent,
  bytesReceived: live.counters.bytesReceived,
  reason: code,
});

/** This portal's own gate said no, as opposed to the peer's. */
class Denial extends NetportError {}
