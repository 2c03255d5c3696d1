import { EventEmitter } from 'node:events';
import { networkInterfaces } from 'node:os';
import { fingerprintsIn } from '@netport/pki';
import {
  asNetportError,
  type CircuitId,
  type ErrorCode,
  formatEndpoint,
  type LegOffer,
  limits,
  type Name,
  NetportError,
  type PairId,
  type PolicyDocument,
  type PolicyRule,
  type SpiffeId,
  type StreamInfo,
  type StreamReport,
  type TransportPreference,
  type TunnelInfo,
} from '@netport/protocol';
import { connectTarget } from './connector/target.js';
import { Dialler } from './dialler.js';
import { Forwarder, type StreamFailure } from './forwarder.js';
import { type Direction, isExpired, nextExpiry, peersOf } from './gate.js';
import { Listeners } from './listener/listeners.js';
import { networkOf } from './path/network.js';
import { UdpPaths } from './path/udp-paths.js';
import { quicUnavailable } from './tunnel/quic/binding.js';
import type { Tunnel } from './tunnel/tunnel.js';
import { DialFailure, Tunnels } from './tunnel/tunnels.js';
import { TunnelBuilder, type TunnelBuilderOptions } from './tunnel-builder.js';

export interface DataPlaneOptions extends Omit<TunnelBuilderOptions, 'now'> {
  policy: () => PolicyDocument | undefined;
  /** The way to the control server may have changed. */
  checkControl: () => void;
  /** `auto` unless given. */
  transport?: TransportPreference;
  now?: () => Date;
  /** Milliseconds after which a UDP client that neither sends nor gets anything is forgotten. */
  flowIdle?: number;
}

export interface DataPlaneEvents {
  /** A tunnel came (no reason) or went. */
  tunnel: [{ tunnel: Tunnel; reason?: NetportError }];
  tunnelFailed: [{ peer: SpiffeId; error: NetportError }];
  tunnelSetUp: [ErrorCode | 'ok'];
  /** One that this portal asked for is up, after so many seconds. */
  tunnelDialled: [TunnelInfo['transport'], number];
  streamFailed: [StreamFailure];
  streamEnded: [Direction, ErrorCode | 'ok'];
  /** For the audit trail: a stream began, or ended. */
  streamReport: [StreamReport];
  listeners: [];
}

/** A timer takes no more than this many milliseconds. */
const longestTimer = 2 ** 31 - 1;

/** Listeners, tunnels and streams of one portal, as the policy in force permits them. Needs the control server only for new circuits. */
export class DataPlane {
  readonly events = new EventEmitter<DataPlaneEvents>();
  readonly listeners: Listeners;
  readonly tunnels: Tunnels;
  readonly dialler: Dialler;
  readonly forwarder: Forwarder;
  readonly #options: DataPlaneOptions;
  readonly #now: () => Date;
  readonly #paths: UdpPaths;
  readonly #builder: TunnelBuilder;
  #expiry: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: DataPlaneOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => new Date());
    const { log, policy } = options;
    const now = (): number => this.#now().getTime();
    this.tunnels = new Tunnels({
      dial: (...dial) => this.#dial(...dial),
      choose: (...choice) => this.dialler.choose(...choice),
      onChange: (change) => this.#onTunnel(change),
      idle: limits.tunnelIdle,
      now,
    });
    this.#builder = new TunnelBuilder(
      { ...options, now: this.#now },
      {
        onDialled: ({ context }, seconds) => this.events.emit('tunnelDialled', context.transport, seconds),
        onPath: (...path) => this.#paths.add(...path),
        onStream: (...incoming) => void this.forwarder.incoming(...incoming),
        onFlow: (...incoming) => void this.forwarder.incomingFlow(...incoming),
      },
    );
    this.dialler = new Dialler({
      preference: options.transport ?? 'auto',
      attempt: (...dial) => this.#builder.dial(...dial),
      adopt: (tunnel) => this.tunnels.adopt(tunnel),
      tunnels: () => this.tunnels.all,
      network: () => networkOf(networkInterfaces()),
      quicUnavailable,
      now,
      log,
    });
    this.#paths = new UdpPaths({
      requestCircuit: (peer, transport, avoid, replaces) =>
        options.requestCircuit(peer, transport, avoid, { replaces }),
      closeCircuit: options.closeCircuit,
      onLost: options.checkControl,
      network: () => networkOf(networkInterfaces()),
      log,
    });
    this.forwarder = new Forwarder({
      policy,
      tunnel: (peer, preference) => this.tunnels.open(peer, preference),
      onFailure: (failure) => this.events.emit('streamFailed', failure),
      onEnd: (direction, code) => this.events.emit('streamEnded', direction, code),
      onReport: (report) => this.events.emit('streamReport', report),
      log,
      now,
    });
    this.listeners = new Listeners({
      onSocket: (socket, rule) => void this.forwarder.outgoing(socket, rule),
      onClient: (client, rule) => void this.forwarder.outgoingFlow(client, rule),
      drops: this.forwarder.drops,
      ...(options.flowIdle !== undefined && { flowIdle: options.flowIdle }),
      onChange: () => this.events.emit('listeners'),
      log,
    });
  }

  /** Brings everything into line with the policy in force, now and when the next rule expires. */
  async enforce(): Promise<void> {
    if (this.#stopped) return;
    const policy = this.#options.policy();
    const now = this.#now().getTime();
    this.forwarder.streams.recheck(policy, now);
    const peers = peersOf(policy, now);
    this.tunnels.closeWhere(
      ({ context }) => !peers.has(context.peer),
      new NetportError('policy_denied', 'no access pair with this peer is left'),
    );
    clearTimeout(this.#expiry);
    const next = nextExpiry(policy, now);
    if (next !== undefined) this.#expiry = setTimeout(() => void this.enforce(), Math.min(next - now, longestTimer));
    await this.listeners.apply(policy?.listeners.filter((rule) => !isExpired(rule, now)) ?? []);
    this.events.emit('listeners');
  }

  /** Closes the tunnels of certificates that the revocation list in force names. */
  enforceRevocations(): void {
    const { revocations } = this.#options.trust();
    this.tunnels.closeWhere(
      ({ context }) => revocations?.serials.has(context.serial) ?? false,
      new NetportError('cert_revoked', 'the certificate of the peer was revoked'),
    );
  }

  /** New streams take new tunnels where the root of the peer's certificate is trusted no more; those that run may finish. */
  retireTunnels(): void {
    const roots = new Set(this.#options.trust().rootPems.flatMap(fingerprintsIn));
    this.tunnels.retireWhere(({ context }) => !roots.has(context.root));
  }

  /** Takes the server side of a circuit that a peer asked for. */
  async takeOffer(leg: LegOffer): Promise<void> {
    try {
      if (this.#stopped) throw new NetportError('draining', 'this portal is shutting down');
      if (leg.role !== 'server' || !peersOf(this.#options.policy(), this.#now().getTime()).has(leg.peer)) {
        throw new NetportError('policy_denied', `no access pair permits a circuit with ${leg.peer}`);
      }
      if (leg.replaces) await this.#paths.take(leg);
      else this.tunnels.adopt(await this.#builder.accept(leg));
    } catch (thrown) {
      const error = asNetportError(thrown, 'tunnel_failed');
      // The peer has another one, or needs none any more.
      if (error.code === 'circuit_closed') this.#options.log.info({ peer: leg.peer }, error.message);
      else this.#tunnelFailed(leg.peer, error);
    }
  }

  circuitClosed(circuitId: CircuitId, code: ErrorCode): void {
    if (this.#paths.outlives(circuitId, code)) return;
    const reason = new NetportError(code, 'the circuit was closed');
    this.#builder.circuitClosed(circuitId, reason);
    this.tunnels.closeWhere(({ context }) => context.circuitId === circuitId, reason);
  }

  /** The relay of a circuit is going to stop: what runs goes on, over another relay where the tunnel can move. */
  leaveCircuit(circuitId: CircuitId): void {
    if (!this.#paths.leave(circuitId)) this.tunnels.leave(circuitId);
  }

  inspect(): { tunnels: TunnelInfo[]; streams: StreamInfo[] } {
    return {
      tunnels: this.tunnels.all.slice(0, limits.inspectionEntries).map((tunnel) => this.#tunnelInfo(tunnel)),
      streams: this.forwarder.streams.list().slice(0, limits.inspectionEntries),
    };
  }

  /**
   * Tries this portal's side of a pair in force, as a connection would: its target, or the tunnel to its peer. Resolves with
   * what answered. Throws what the connection would have failed with.
   */
  async probe(pair: PairId): Promise<string> {
    const policy = this.#options.policy();
    const now = this.#now().getTime();
    const inForce = (rule: PolicyRule): boolean => rule.pair === pair && !isExpired(rule, now);
    const listener = policy?.listeners.find(inForce);
    if (listener) {
      const { context } = await this.tunnels.open(listener.peer, listener.transport);
      return `${context.transport} over ${context.relay}`;
    }
    const target = policy?.targets.find(inForce);
    if (!target) throw new NetportError('policy_denied', `this portal has no rule in force for access pair ${pair}`);
    // Whether anybody takes a datagram shows in no answer.
    if (target.protocol === 'udp') throw new NetportError('unavailable', 'a UDP target cannot be tried');
    (await connectTarget(target)).destroy();
    return formatEndpoint(target);
  }

  /** Closes the listeners, lets running streams finish for at most `graceMs`, then ends what is left. */
  async drain(graceMs: number): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#expiry);
    this.listeners.close();
    this.dialler.stop();
    let timer: NodeJS.Timeout | undefined;
    const graceOver = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, graceMs);
    });
    await Promise.race([this.tunnels.drain(), graceOver]);
    clearTimeout(timer);
    this.forwarder.streams.cutAll('draining', 'this portal is shutting down');
    this.tunnels.close(new NetportError('draining', 'this portal is shutting down'));
  }

  async #dial(peer: SpiffeId, avoid: Name[], preference: TransportPreference): Promise<Tunnel> {
    try {
      return await this.dialler.dial(peer, avoid, preference);
    } catch (thrown) {
      if (thrown instanceof DialFailure) this.#tunnelFailed(peer, thrown.reason);
      throw thrown;
    }
  }

  #tunnelFailed(peer: SpiffeId, error: NetportError): void {
    this.#options.log.warn({ peer, code: error.code }, `tunnel failed: ${error.message}`);
    this.events.emit('tunnelSetUp', error.code);
    this.events.emit('tunnelFailed', { peer, error });
  }

  #onTunnel(change: { tunnel: Tunnel; reason?: NetportError }): void {
    const { tunnel, reason } = change;
    const { peer, role, transport, relay, circuitId } = tunnel.context;
    const code = reason?.code;
    this.#options.log.info(
      { peer, role, transport, relay, circuitId, code },
      reason ? `tunnel closed: ${reason.message}` : 'tunnel up',
    );
    if (!reason) this.events.emit('tunnelSetUp', 'ok');
    if (reason && role === 'client' && transport === 'quic') {
      // Where a tunnel over UDP ends, its relay does not see it.
      this.#options.closeCircuit(circuitId);
      if (code === 'tunnel_lost') this.dialler.lost(peer);
    }
    this.events.emit('tunnel', change);
  }

  #tunnelInfo(tunnel: Tunnel): TunnelInfo {
    const { peer, role, transport, relay, circuitId } = tunnel.context;
    const { rttMs, ...counters } = tunnel.counters();
    const reason = this.dialler.reason(tunnel);
    return {
      ...{ peer, role, relay, circuitId, transport, path: 'relayed' },
      ...counters,
      ...(rttMs === undefined ? {} : { rttMs }),
      ...(reason === undefined ? {} : { reason }),
      since: tunnel.since.toISOString(),
    };
  }
}
