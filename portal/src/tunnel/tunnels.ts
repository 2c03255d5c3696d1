import { setTimeout as pause } from 'node:timers/promises';
import {
  asNetportError,
  type ErrorCode,
  limits,
  type Name,
  NetportError,
  type SpiffeId,
  type TransportPreference,
} from '@netport/protocol';
import type { Tunnel } from './tunnel.js';

/** Codes that speak against the relay of the circuit, rather than against the peer or the policy. */
const relayFaults: ReadonlySet<ErrorCode> = new Set([
  'leg_rejected',
  'circuit_expired',
  'tunnel_failed',
  'tunnel_lost',
]);
/** How long a relay that failed is avoided, in milliseconds: long enough for the control server to miss it too. */
const avoidFor = 60_000;
/** How long a failed set-up answers for the next ones, in milliseconds. */
const failureHold = 1000;
/** How long after a failed replacement the next is tried, in milliseconds. */
const replaceRetry = 2000;
/** As many as `circuit.request` takes. */
const avoidAtMost = 16;

export interface TunnelsOptions {
  /** Builds a tunnel as its client over a new circuit; a failure names the relay, when one was given. */
  dial(peer: SpiffeId, avoid: Name[], preference: TransportPreference): Promise<Tunnel>;
  /** Which of those that stand a stream takes, or undefined: another has to be dialled. */
  choose(peer: SpiffeId, preference: TransportPreference, standing: readonly Tunnel[]): Tunnel | undefined;
  onChange?: (event: { tunnel: Tunnel; reason?: NetportError }) => void;
  /** Milliseconds. */
  idle: number;
  now: () => number;
}

/** A failed dial, with the relay that it failed over. */
export class DialFailure extends Error {
  readonly relay: Name;
  readonly reason: NetportError;

  constructor(relay: Name, reason: NetportError) {
    super(reason.message, { cause: reason });
    this.relay = relay;
    this.reason = reason;
  }
}

/** Who dials at the same time shares the tunnel, where the same transports will do. */
const dialKey = (peer: SpiffeId, preference: TransportPreference): string => `${peer} ${preference === 'tcp'}`;

/** The tunnels of this portal: to each peer at most one over each transport to open streams on, built when needed, closed when idle. */
export class Tunnels {
  readonly #options: TunnelsOptions;
  /** Tunnels that this portal opens streams on, each over another transport. */
  readonly #client = new Map<SpiffeId, readonly Tunnel[]>();
  /** Every tunnel that still carries something, drained ones included. */
  readonly #all = new Set<Tunnel>();
  /** By peer, and whether nothing but TCP will do. */
  readonly #dialling = new Map<string, Promise<Tunnel>>();
  readonly #failed = new Map<Name, number>();
  readonly #busyAt = new Map<Tunnel, number>();
  readonly #sweep: NodeJS.Timeout;
  #closed = false;

  constructor(options: TunnelsOptions) {
    this.#options = options;
    this.#sweep = setInterval(() => this.#closeIdle(), Math.max(1, options.idle / 10));
    this.#sweep.unref();
  }

  get all(): Tunnel[] {
    return [...this.#all];
  }

  /** The tunnel to open streams on. Everybody who asks while one is being built shares that one, and its failure. */
  async open(peer: SpiffeId, preference: TransportPreference = 'auto'): Promise<Tunnel> {
    if (this.#closed) throw new NetportError('draining', 'this portal is shutting down');
    const standing = this.#client.get(peer)?.filter(({ open }) => open) ?? [];
    const key = dialKey(peer, preference);
    return (
      this.#options.choose(peer, preference, standing) ??
      this.#dialling.get(key) ??
      this.#startDial(key, peer, preference)
    );
  }

  /** Takes a tunnel in. One that this portal opens streams on replaces an older one over its transport, which may finish its streams. */
  adopt(tunnel: Tunnel): void {
    const { context } = tunnel;
    if (this.#closed) {
      tunnel.close(new NetportError('draining', 'this portal is shutting down'));
      return;
    }
    this.#all.add(tunnel);
    if (context.role === 'client') {
      const standing = this.#client.get(context.peer) ?? [];
      const others = standing.filter((other) => other.context.transport !== context.transport);
      this.#client.set(context.peer, [...others, tunnel]);
      for (const older of standing) if (!others.includes(older)) older.drain();
    } else this.#boundServerSide(context.peer);
    this.#busyAt.set(tunnel, this.#options.now());
    this.#options.onChange?.({ tunnel });
    void tunnel.closed.then((reason) => {
      this.#forget(tunnel);
      this.#all.delete(tunnel);
      this.#busyAt.delete(tunnel);
      if (reason.code === 'tunnel_lost') this.#avoid(context.relay as Name);
      this.#options.onChange?.({ tunnel, reason });
    });
  }

  /** Closes those that a policy or a revocation list no longer permits. */
  closeWhere(condition: (tunnel: Tunnel) => boolean, reason: NetportError): void {
    for (const tunnel of this.all) if (condition(tunnel)) tunnel.close(reason);
  }

  /**
   * Those that only what was trusted once vouches for: at their client's end another takes the place of each, which goes on until
   * then. At the server's end they may finish what runs after a while, so that no stream is refused that is just being opened.
   */
  retireWhere(condition: (tunnel: Tunnel) => boolean): void {
    const retired = this.all.filter((tunnel) => tunnel.open && condition(tunnel));
    for (const tunnel of retired) if (tunnel.context.role === 'client') void this.#replace(tunnel);
    const serverSide = retired.filter(({ context }) => context.role === 'server');
    setTimeout(() => {
      for (const tunnel of serverSide) tunnel.drain();
    }, limits.retiredTunnelGrace).unref();
  }

  /** No new tunnels or streams from here; resolves when the last tunnel is gone. */
  async drain(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#sweep);
    const { all } = this;
    for (const tunnel of all) tunnel.drain();
    await Promise.all(all.map(({ closed }) => closed));
  }

  close(reason: NetportError): void {
    this.#closed = true;
    clearInterval(this.#sweep);
    this.closeWhere(() => true, reason);
  }

  #forget(tunnel: Tunnel): void {
    const { peer } = tunnel.context;
    const others = this.#client.get(peer)?.filter((other) => other !== tunnel) ?? [];
    if (others.length > 0) this.#client.set(peer, others);
    else this.#client.delete(peer);
  }

  #startDial(key: string, peer: SpiffeId, preference: TransportPreference): Promise<Tunnel> {
    const running = this.#dial(peer, preference);
    this.#dialling.set(key, running);
    running.then(
      () => this.#dialling.delete(key),
      // A failure answers for a moment, or a busy application would ask the control server at its own pace.
      () => setTimeout(() => this.#dialling.delete(key), failureHold).unref(),
    );
    return running;
  }

  /** Again and again, because the control server may be away just then. */
  async #replace(tunnel: Tunnel): Promise<void> {
    const { peer, transport } = tunnel.context;
    const preference = transport === 'tcp' ? 'tcp' : 'auto';
    const key = dialKey(peer, preference);
    while (tunnel.open && !this.#closed) {
      try {
        await (this.#dialling.get(key) ?? this.#startDial(key, peer, preference));
        tunnel.drain();
      } catch {
        await pause(replaceRetry, undefined, { ref: false });
      }
    }
  }

  async #dial(peer: SpiffeId, preference: TransportPreference, attempts = 2): Promise<Tunnel> {
    try {
      const tunnel = await this.#options.dial(peer, this.#avoided(), preference);
      this.adopt(tunnel);
      return tunnel;
    } catch (thrown) {
      if (!(thrown instanceof DialFailure)) throw asNetportError(thrown, 'tunnel_failed');
      if (relayFaults.has(thrown.reason.code)) this.#avoid(thrown.relay);
      // The relay itself is out of reach, which is known at once: another may be there.
      if (thrown.reason.code === 'leg_rejected' && attempts > 1) return this.#dial(peer, preference, attempts - 1);
      throw thrown.reason;
    }
  }

  /** Which of its tunnels a peer uses is for it to say, when it has raced two; how many it has is not. */
  #boundServerSide(peer: SpiffeId): void {
    const open = this.all.filter(
      (tunnel) => tunnel.open && tunnel.context.role === 'server' && tunnel.context.peer === peer,
    );
    for (const tunnel of open.slice(0, -limits.tunnelsPerPeer)) tunnel.drain();
  }

  #avoid(relay: Name): void {
    // Deleted first, so that the map stays in order of time and its oldest entry is the first.
    this.#failed.delete(relay);
    this.#failed.set(relay, this.#options.now());
    const [oldest] = this.#failed.keys();
    if (this.#failed.size > avoidAtMost && oldest) this.#failed.delete(oldest);
  }

  #avoided(): Name[] {
    const since = this.#options.now() - avoidFor;
    return [...this.#failed].filter(([, at]) => at > since).map(([relay]) => relay);
  }

  #closeIdle(): void {
    const now = this.#options.now();
    for (const tunnel of this.#all) {
      if (tunnel.counters().streams > 0) this.#busyAt.set(tunnel, now);
      // Only the client's end: it alone knows that no stream is about to open.
      else if (tunnel.context.role === 'client' && now - (this.#busyAt.get(tunnel) ?? now) >= this.#options.idle) {
        tunnel.drain();
      }
    }
  }
}
