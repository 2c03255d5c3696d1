import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';

/** Few, and with labels of few values: no names, no addresses. */
export interface Metrics {
  registry: Registry;
  requests: Counter<'method' | 'status'>;
  auditEvents: Counter<'action' | 'code'>;
  /** What the gauges show when they are read. */
  observe(now: Record<'portals' | 'relays' | 'circuits', () => number>): void;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
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
    observe: ({ portals, relays, circuits }) => {
      new Gauge({
        name: 'netport_control_sessions',
        help: 'Control sessions that are up',
        labelNames: ['kind'],
        registers,
        collect() {
          this.set({ kind: 'portal' }, portals());
          this.set({ kind: 'relay' }, relays());
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
    },
  };
}
