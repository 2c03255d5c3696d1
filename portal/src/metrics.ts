import type { ErrorCode, TunnelInfo } from '@netport/protocol';
import { type CommonMetrics, controlSessionMetrics, createRegistry } from '@netport/runtime';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { DatagramDrops } from './datagram-end.js';
import type { Direction } from './gate.js';
import type { PumpCounters } from './pump.js';
import type { Tunnel } from './tunnel/tunnel.js';

/** Where the figures that are not counted here are read from, at each scrape. */
export interface MetricSources extends Omit<CommonMetrics, 'role'> {
  totals: () => Required<PumpCounters>;
  drops: () => DatagramDrops;
  streams: () => number;
  tunnels: () => Tunnel[];
  transportChanges: () => { fallbacks: number; upgrades: number };
  failedListeners: () => number;
  policyVersion: () => number;
  session: { readonly up: boolean; readonly starts: number };
  droppedEvents: () => number;
  streamReports: () => { size: number; dropped: number };
}

export interface PortalMetrics {
  readonly registry: Registry;
  streamEnded(direction: Direction, code: ErrorCode | 'ok'): void;
  tunnelSetUp(code: ErrorCode | 'ok'): void;
  /** This portal asked for a tunnel, and has it. */
  tunnelDialled(transport: TunnelInfo['transport'], seconds: number): void;
}

export function portalMetrics(sources: MetricSources): PortalMetrics {
  const { version, certificates, session } = sources;
  const registry = createRegistry({ role: 'portal', version, certificates });
  const registers = [registry];
  controlSessionMetrics(registry, { up: () => session.up, starts: () => session.starts });

  const gauge = (name: string, help: string, read: () => number): Gauge =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });

  new Counter({
    name: 'netport_stream_bytes_total',
    help: 'Payload bytes of streams, as seen from the application at this portal',
    labelNames: ['direction'],
    registers,
    collect() {
      const { bytesSent, bytesReceived } = sources.totals();
      this.reset();
      this.inc({ direction: 'sent' }, bytesSent);
      this.inc({ direction: 'received' }, bytesReceived);
    },
  });
  new Counter({
    name: 'netport_datagrams_dropped_total',
    help: 'UDP datagrams that went no further at this portal, by why',
    labelNames: ['reason'],
    registers,
    collect() {
      const { evicted: _, ...reasons } = sources.drops();
      this.reset();
      for (const [reason, count] of Object.entries(reasons)) this.inc({ reason }, count);
      this.inc({ reason: 'tunnel_full' }, sources.totals().dropped);
    },
  });
  new Counter({
    name: 'netport_udp_clients_evicted_total',
    help: 'UDP clients whose flow was closed because newer ones needed the room',
    registers,
    collect() {
      this.reset();
      this.inc(sources.drops().evicted);
    },
  });
  new Gauge({
    name: 'netport_tunnels',
    help: 'Tunnels that stand, by the role of this portal and by transport',
    labelNames: ['role', 'transport'],
    registers,
    collect() {
      const tunnels = sources.tunnels();
      for (const role of ['client', 'server'] as const) {
        for (const transport of ['tcp', 'quic'] as const) {
          const alike = tunnels.filter(({ context }) => context.role === role && context.transport === transport);
          this.set({ role, transport }, alike.length);
        }
      }
    },
  });
  new Counter({
    name: 'netport_quic_fallbacks_total',
    help: 'Tunnels over TCP that were up when one over QUIC, begun before, was not',
    registers,
    collect() {
      this.reset();
      this.inc(sources.transportChanges().fallbacks);
    },
  });
  new Counter({
    name: 'netport_quic_upgrades_total',
    help: 'Tunnels over TCP that one over QUIC took the place of',
    registers,
    collect() {
      this.reset();
      this.inc(sources.transportChanges().upgrades);
    },
  });
  gauge('netport_streams', 'Streams that run', sources.streams);
  gauge('netport_listeners_failed', 'Listeners of the policy that could not be opened', sources.failedListeners);
  gauge('netport_policy_version', 'Version of the policy document in force', sources.policyVersion);
  new Counter({
    name: 'netport_events_dropped_total',
    help: 'Audit events that were dropped because the control server was away for too long',
    registers,
    collect() {
      this.reset();
      this.inc(sources.droppedEvents());
    },
  });

  gauge('netport_stream_records_waiting', 'Starts and ends of streams that are not in the audit trail yet', () => {
    return sources.streamReports().size;
  });
  new Counter({
    name: 'netport_stream_records_dropped_total',
    help: 'Starts and ends of streams that were dropped because the control server was away for too long',
    registers,
    collect() {
      this.reset();
      this.inc(sources.streamReports().dropped);
    },
  });

  const streams = new Counter({
    name: 'netport_streams_total',
    help: 'Streams that ended or were refused, by how: ok or an error code',
    labelNames: ['direction', 'code'],
    registers,
  });
  const setUps = new Counter({
    name: 'netport_tunnel_setups_total',
    help: 'Tunnels that were built or failed to be, by how: ok or an error code',
    labelNames: ['code'],
    registers,
  });
  const setUpSeconds = new Histogram({
    name: 'netport_tunnel_setup_seconds',
    help: 'From the request for a circuit until the tunnel over it is up, at the portal that asked',
    labelNames: ['transport'],
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15],
    registers,
  });
  return {
    registry,
    streamEnded: (direction, code) => streams.inc({ direction, code }),
    tunnelSetUp: (code) => setUps.inc({ code }),
    tunnelDialled: (transport, seconds) => setUpSeconds.observe({ transport }, seconds),
  };
}
