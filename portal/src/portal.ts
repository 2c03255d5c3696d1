import { EventEmitter } from 'node:events';
import type { Trust } from '@netport/pki';
import {
  formatEndpoint,
  limits,
  NetportError,
  type PolicyDocument,
  type TransportPreference,
  type TunnelInfo,
} from '@netport/protocol';
import {
  createLogger,
  type DataDirectory,
  type DeviceFiles,
  identify,
  type KeptIdentity,
  keepIdentity,
  type Logger,
  openDataDirectory,
  openRevocationStore,
  openTracing,
  type RevocationStore,
  type StoredIdentity,
  type Tracing,
  trustOf,
} from '@netport/runtime';
import type { Registry } from 'prom-client';
import { openPolicyStore, type PolicyStore } from './control/policy-store.js';
import { PortalSession, portalEvent } from './control/session.js';
import { DataPlane } from './data-plane.js';
import { type PortalMetrics, portalMetrics } from './metrics.js';
import { quicUnavailable, requireQuic } from './tunnel/quic/binding.js';
import type { Congestion } from './tunnel/quic/config.js';
import type { Tunnel } from './tunnel/tunnel.js';
import { version } from './version.js';

export interface PortalOptions {
  /** Path of the data directory; or `directory`, an open one, which is then the caller's to close. */
  data?: string;
  directory?: DataDirectory;
  /** Needed until the data directory holds an identity; or `device`, with which the portal also comes back when that has expired. */
  joinToken?: string;
  device?: DeviceFiles | undefined;
  log?: Logger;
  /** Milliseconds after which a UDP client that neither sends nor gets anything is forgotten. */
  flowIdle?: number;
  /** What tunnels run over: `auto` unless given. */
  transport?: TransportPreference;
  /** How tunnels over QUIC find out what their path carries: `bbr` unless given. */
  congestion?: Congestion;
  /** An HTTP proxy that everything goes through that is not UDP. */
  proxy?: URL | undefined;
  /** Base URL of an OpenTelemetry collector. */
  otlpEndpoint?: string | undefined;
}

export interface PortalEvents {
  online: [];
  offline: [NetportError];
  /** A policy document came into force. */
  policy: [PolicyDocument];
  /** A tunnel came (no reason) or went. */
  tunnel: [{ tunnel: Tunnel; reason?: NetportError }];
}

export interface PortalStatus {
  id: string;
  certificateExpiresAt: string;
  control: { url: string; online: boolean; since: string };
  policyVersion: number | null;
  listeners: {
    pair: string;
    address: string;
    state: 'listening' | 'failed';
    error?: { code: string; message: string };
  }[];
  targets: { pair: string; address: string; peer: string }[];
  tunnels: TunnelInfo[];
  streams: number;
}

/** Everything that stands between `start` and `stop`. */
interface Parts {
  directory: DataDirectory;
  identity: KeptIdentity;
  policies: PolicyStore;
  revocations: RevocationStore;
  plane: DataPlane;
  session: PortalSession;
  metrics: PortalMetrics;
  tracing: Tracing;
}

/** One portal: enrols, keeps a control session, and carries the streams that its policy permits. */
export class Portal extends EventEmitter<PortalEvents> {
  readonly #options: PortalOptions;
  readonly #log: Logger;
  #parts: Parts | undefined;

  constructor(options: PortalOptions) {
    super();
    this.#options = options;
    this.#log = options.log ?? createLogger('portal');
  }

  /**
   * Resolves when the stored policy is in force; the control session comes up on its own ('online'). Throws `token_*`,
   * `cert_*`, `data_directory_*` or `unavailable`.
   */
  async start(): Promise<void> {
    if (this.#parts) throw new NetportError('conflict', 'this portal runs already');
    const { data, directory: given, joinToken, device, transport } = this.#options;
    if (transport === 'quic') await requireQuic();
    // Not to be waited for by the first tunnel.
    else if (transport !== 'tcp') void quicUnavailable();
    if (!given && !data) throw new NetportError('invalid_request', 'a portal needs a data directory');
    const directory = given ?? (await openDataDirectory(data ?? ''));
    try {
      const identity = await identify({
        ...{ directory, kind: 'portal', joinToken, device, log: this.#log, proxy: this.#options.proxy },
        now: () => new Date(),
      });
      this.#parts = await this.#assemble(directory, identity);
    } catch (error) {
      if (!given) await directory.close();
      throw error;
    }
    const { plane } = this.#parts;
    directory.onStatus(() => this.status());
    await plane.enforce();
  }

  /** Takes no new connections, lets running streams finish for at most `graceMs`, then stops. */
  async stop({ graceMs = limits.drainGrace }: { graceMs?: number } = {}): Promise<void> {
    const parts = this.#parts;
    if (!parts) return;
    this.#log.info({ streams: parts.plane.forwarder.streams.size, graceMs }, 'draining');
    parts.identity.close();
    await parts.plane.drain(graceMs);
    await parts.session.close();
    await Promise.all([parts.policies.settled(), parts.revocations.settled()]);
    await parts.tracing.close();
    if (!this.#options.directory) await parts.directory.close();
    this.#parts = undefined;
    this.#log.info('stopped');
  }

  get metrics(): Registry {
    return this.#running().metrics.registry;
  }

  /** Throws `unavailable` until the control session has come up and a policy is in force. */
  checkReady(): void {
    const { session, policies } = this.#running();
    if (session.starts === 0) throw new NetportError('unavailable', 'the control session has not come up yet');
    if (!policies.current) throw new NetportError('unavailable', 'no policy is in force yet');
  }

  status(): PortalStatus {
    const { session, policies, plane, ...parts } = this.#running();
    const identity = parts.identity.current;
    return {
      id: identity.id,
      certificateExpiresAt: identity.notAfter.toISOString(),
      control: { url: identity.controlUrl, online: session.up, since: session.since.toISOString() },
      policyVersion: policies.current?.version ?? null,
      listeners: plane.listeners.list().map(({ rule, error }) => ({
        pair: rule.name,
        address: formatEndpoint(rule),
        state: error ? 'failed' : 'listening',
        ...(error && { error: { code: error.code, message: error.message } }),
      })),
      targets: (policies.current?.targets ?? []).map((rule) => ({
        pair: rule.name,
        address: formatEndpoint(rule),
        peer: rule.peer,
      })),
      tunnels: plane.inspect().tunnels,
      streams: plane.forwarder.streams.size,
    };
  }

  #running(): Parts {
    if (!this.#parts) throw new NetportError('unavailable', 'this portal does not run');
    return this.#parts;
  }

  async #assemble(directory: DataDirectory, enrolled: StoredIdentity): Promise<Parts> {
    const log = this.#log;
    const now = (): Date => new Date();
    const revocations = await openRevocationStore({ directory, identity: enrolled, log });
    const identity = keepIdentity(enrolled, {
      ...{ directory, now, random: Math.random, proxy: this.#options.proxy, log },
      trust: (own) => trustOf(own, revocations.current),
      onChange: () => session.reportTrust(),
    });
    const current = (): StoredIdentity => identity.current;
    const trust = (): Trust => trustOf(current(), revocations.current);
    const policies = await openPolicyStore({ directory, identity: enrolled, trust, now, log });

    const tracing = await openTracing({
      endpoint: this.#options.otlpEndpoint,
      ...{ role: 'portal', id: enrolled.id, version, log },
    });

    const plane: DataPlane = new DataPlane({
      identity: current,
      trust,
      policy: () => policies.current,
      requestCircuit: (...circuit) => session.requestCircuit(...circuit),
      closeCircuit: (circuitId) => session.closeCircuit(circuitId),
      checkControl: () => session.check(),
      transport: this.#options.transport ?? 'auto',
      congestion: this.#options.congestion ?? 'bbr',
      proxy: this.#options.proxy,
      tracing,
      log,
      ...(this.#options.flowIdle !== undefined && { flowIdle: this.#options.flowIdle }),
    });
    const reportListeners = (): void =>
      session.reportListeners(policies.current?.version ?? 0, plane.listeners.failed());
    const session: PortalSession = new PortalSession({
      proxy: this.#options.proxy,
      identity: current,
      trust,
      version,
      policyVersion: () => policies.current?.version ?? 0,
      acceptPolicy: async (jws) => {
        const document = await policies.accept(jws);
        await plane.enforce();
        log.info({ version: document.version }, 'policy in force');
        this.emit('policy', document);
      },
      acceptRevocations: async (der) => {
        revocations.accept(der, current());
        plane.enforceRevocations();
      },
      acceptTrust: async (message) => {
        await identity.accept(message);
        plane.retireTunnels();
      },
      trusts: () => identity.trusts(),
      onOffer: (leg) => void plane.takeOffer(leg),
      onCircuitClosed: (circuitId, code) => plane.circuitClosed(circuitId, code),
      onCircuitLeave: (circuitId) => plane.leaveCircuit(circuitId),
      inspect: () => plane.inspect(),
      probe: (pair) => plane.probe(pair),
      onUp: () => {
        reportListeners();
        this.emit('online');
      },
      onDown: (reason) => {
        identity.sessionDown(reason);
        this.emit('offline', reason);
      },
      log,
    });
    const metrics = portalMetrics({
      totals: () => plane.forwarder.streams.totals(),
      drops: () => plane.forwarder.drops,
      streams: () => plane.forwarder.streams.size,
      tunnels: () => plane.tunnels.all,
      transportChanges: () => plane.dialler.counters,
      failedListeners: () => plane.listeners.failed().length,
      policyVersion: () => policies.current?.version ?? 0,
      session,
      version,
      certificates: () => ({ leaf: identity.current.notAfter }),
      droppedEvents: () => session.events.dropped,
      streamReports: () => session.streams,
    });

    plane.events.on('listeners', reportListeners);
    plane.events.on('tunnel', (change) => this.emit('tunnel', change));
    plane.events.on('tunnelSetUp', (code) => metrics.tunnelSetUp(code));
    plane.events.on('streamReport', (report) => session.streams.push(report));
    plane.events.on('tunnelDialled', (transport, seconds) => metrics.tunnelDialled(transport, seconds));
    plane.events.on('streamEnded', (direction, code) => metrics.streamEnded(direction, code));
    plane.events.on('tunnelFailed', ({ peer, error }) =>
      session.events.push(portalEvent('tunnel.failed', error.code, error.message, { peer })),
    );
    plane.events.on('streamFailed', ({ denied, error, pair, peer, source }) => {
      const action = denied ? 'stream.denied' : 'stream.failed';
      session.events.push(portalEvent(action, error.code, error.message, { pair, peer, source }));
    });
    return { directory, identity, policies, revocations, plane, session, metrics, tracing };
  }
}
