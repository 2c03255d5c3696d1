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

/** A stream that the peer wants to open: answered exactly once. */
export interface IncomingStream {
  readonly head: StreamHead;
  /** Aborted when the peer gave up before it got its answer. */
  readonly abandoned: AbortSignal;
  accept(): TunnelStream;
  reject(code: ErrorCode, message: string): void;
}

/** What a tunnel runs over, told by whoever made it. */
export interface TunnelContext {
  peer: SpiffeId;
  /** The peer's certificate, so that a revocation list finds its tunnels. */
  serial: string;
  /** Only the client opens streams. */
  role: 'client' | 'server';
  relay: string;
  circuitId: CircuitId;
}

export interface TunnelCounters {
  streams: number;
  bytesSent: number;
  bytesReceived: number;
  rttMs: number | undefined;
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
  /** Takes no new streams, tells the peer so, lets the running ones finish, then closes. */
  drain(): void;
  /** Ends everything now: every stream is reset. */
  close(reason: NetportError): void;
  counters(): TunnelCounters;
}

/** Called for every stream that the peer opens. */
export type OnStream = (stream: IncomingStream) => void;
