import type { Duplex } from 'node:stream';
import type { CircuitId, ErrorCode, NetportError, SpiffeId, StreamHead } from '@netport/protocol';

/**
 * One stream of a tunnel. `bytes` is half-open: ending one direction leaves the other. It always has an 'error'
 * listener, and is paused until resumed. What is not read stays with the sender.
 */
export interface TunnelStream {
  readonly bytes: Duplex;
  /** True from the moment that either end reset it, or its tunnel broke: an 'end' after that is not the peer's. */
  readonly broken: boolean;
  /** Ends both directions at once; the other end sees a reset, not an end. Harmless on a closed stream. */
  reset(): void;
}

/** What one flow has carried. `dropped`: datagrams given to `send`, or come from the peer, that could go no further. */
export interface FlowCounters {
  datagramsSent: number;
  datagramsReceived: number;
  bytesSent: number;
  bytesReceived: number;
  dropped: number;
}

export const noDatagrams = (): FlowCounters => ({
  datagramsSent: 0,
  datagramsReceived: 0,
  bytesSent: 0,
  bytesReceived: 0,
  dropped: 0,
});

/** One UDP flow of a tunnel: whole datagrams, each of which may be lost or overtaken. */
export interface TunnelFlow {
  /**
   * At most `limits.datagramBytes`. Never waits: what the path or a bounded queue cannot take is dropped and counted. The
   * memory is the caller's again on return.
   */
  send(datagram: Uint8Array): void;
  /** Set once, right after the flow was opened or accepted: every datagram from the peer. Its memory is lent until it returns. */
  onDatagram: (datagram: Uint8Array) => void;
  readonly counters: Readonly<FlowCounters>;
  close(): void;
  /** Either end closed it, or the tunnel is gone. */
  readonly closed: Promise<void>;
}

/** What the peer wants to open: answered exactly once. */
export interface Incoming<Accepted> {
  readonly head: StreamHead;
  /** Aborted when the peer gave up before it got its answer. */
  readonly abandoned: AbortSignal;
  accept(): Accepted;
  reject(code: ErrorCode, message: string): void;
}
/** A stream that the peer wants to open: its head says tcp. */
export type IncomingStream = Incoming<TunnelStream>;
/** A flow that the peer wants to open: its head says udp. */
export type IncomingFlow = Incoming<TunnelFlow>;

/** Called for every stream and every flow that the peer opens. */
export interface TunnelHandlers {
  onStream(stream: IncomingStream): void;
  onFlow(flow: IncomingFlow): void;
}

/** What a tunnel runs over, told by whoever made it. */
export interface TunnelContext {
  peer: SpiffeId;
  /** The peer's certificate, so that a revocation list finds its tunnels. */
  serial: string;
  /** Fingerprint of the root that vouched for it. */
  root: string;
  /** Only the client opens streams and flows. */
  role: 'client' | 'server';
  transport: 'tcp' | 'quic';
  /** This and the circuit change when a tunnel over UDP moves. */
  relay: string;
  circuitId: CircuitId;
}

export interface TunnelCounters {
  /** Flows included. */
  streams: number;
  bytesSent: number;
  bytesReceived: number;
  rttMs: number | undefined;
  /** Of the packets that this side has sent. Only where the transport tells. */
  lossPercent?: number;
  /** Bytes that may be in flight. Only where the transport tells. */
  congestionWindow?: number;
}

/** An authenticated session with one other portal that carries many streams. */
export interface Tunnel {
  readonly context: TunnelContext;
  readonly since: Date;
  /** Settles once, never rejects: why the tunnel is gone. */
  readonly closed: Promise<NetportError>;
  /** False once it drains or is closed: it takes no more streams. */
  readonly open: boolean;
  /**
   * Asks the peer for a stream. Rejects with the peer's refusal, or `tunnel_lost`, `draining`, `limit_exceeded`.
   * Aborting the signal gives the attempt up.
   */
  openStream(head: StreamHead, abandon?: AbortSignal): Promise<TunnelStream>;
  /** The same for a flow. */
  openFlow(head: StreamHead, abandon?: AbortSignal): Promise<TunnelFlow>;
  /** Takes no new streams, tells the peer so, lets the running ones finish, then closes. */
  drain(): void;
  /** Ends everything now: every stream is reset. */
  close(reason: NetportError): void;
  counters(): TunnelCounters;
}
