import type { ErrorCode, Transport } from '@netport/protocol';
import { type CommonMetrics, createRegistry } from '@netport/runtime';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

type Kind = 'portal' | 'relay';

/** Where the gauges are read from, at each scrape. */
export interface MetricSources {
  /** Control sessions that are up. */
  sessions: (kind: Kind) => number;
  /** Of this inventory, connected or not. */
  members: (kind: Kind) => Promise<number>;
  circuits: () => number;
  /** Circuits that the relays which are online have room for. */
  freeCircuits: () => number;
}

/** Few, and with labels of few values: no names, no addresses. */
export interface Metrics {
  registry: Registry;
  requests: Counter<'method' | 'status'>;
  auditEvents: Counter<'action' | 'code'>;
  /** A request for a circuit came to this end, so many seconds after it was made. */
  circuitSetUp(transport: Transport, code: ErrorCode | 'ok', seconds: number): void;
  /** A portal has a change in force. */
  policyPushed(seconds: number): void;
  sinkFailures: Counter<'sink'>;
  /** What the gauges show when they are read. */
  observeSinks(sinks: ReadonlyMap<string, { backlog(): Promise<number> }>): void;
  observe(sources: MetricSources): void;
}

const kinds: readonly Kind[] = ['portal', 'relay'];

export function createMetrics(build: Omit<CommonMetrics, 'role'>): Metrics {
  const registry = createRegistry({ role: 'control', ...build });
  const registers = [registry];
  const setUps = new Counter({
    name: 'netport_circuit_setups_total',
    help: 'Requests for a circuit, by what became of them: ok when both portals joined it, or an error code',
    labelNames: ['transport', 'code'],
    registers,
  });
  const setUpSeconds = new Histogram({
    name: 'netport_circuit_setup_seconds',
    help: 'From the request for a circuit until both portals have joined it',
    labelNames: ['transport'],
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  });
  const pushSeconds = new Histogram({
    name: 'netport_policy_push_seconds',
    help: 'From the change of a policy until a portal that it concerns has it in force',
    buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  return {
    registry,
    requests: new Counter({
      name: 'netport_http_requests_total',
      help: 'Requests to the admin API, EST and the other HTTP endpoints',
      labelNames: ['method', 'status'],
      registers,
    }),
    auditEvents: new Counter({
      name: 'netport_audit_events_total',
      help: 'Audit events written',
      labelNames: ['action', 'code'],
      registers,
    }),
    sinkFailures: new Counter({
      name: 'netport_audit_sink_failures_total',
      help: 'Batches of audit events that a sink did not take: each is tried again',
      labelNames: ['sink'],
      registers,
    }),
    observeSinks: (sinks) => {
      new Gauge({
        name: 'netport_audit_sink_backlog',
        help: 'Audit events that a sink has not taken yet',
        labelNames: ['sink'],
        registers,
        async collect() {
          for (const [sink, { backlog }] of sinks) this.set({ sink }, await backlog());
        },
      });
    },
    circuitSetUp: (transport, code, seconds) => {
      setUps.inc({ transport, code });
      if (code === 'ok') setUpSeconds.observe({ transport }, seconds);
    },
    policyPushed: (seconds) => pushSeconds.observe(seconds),
    observe: (sources) => observe(registry, sources),
  };
}

function observe(registry: Registry, { sessions, members, circuits, freeCircuits }: MetricSources): void {
  const registers = [registry];
  new Gauge({
    name: 'netport_control_sessions',
    help: 'Control sessions that are up',
    labelNames: ['kind'],
    registers,
    collect() {
      for (const kind of kinds) this.set({ kind }, sessions(kind));
    },
  });
  new Gauge({
    name: 'netport_members',
    help: 'Portals and relays that were added, connected or not',
    labelNames: ['kind'],
    registers,
    async collect() {
      for (const kind of kinds) this.set({ kind }, await members(kind));
    },
  });
  new Gauge({
    name: 'netport_circuits',
    help: 'Circuits that have not ended',
    registers,
    collect() {
      this.set(circuits());
    },
  });
  new Gauge({
    name: 'netport_circuits_free',
    help: 'Circuits that the relays which are online have room for',
    registers,
    collect() {
      this.set(freeCircuits());
    },
  });
}
