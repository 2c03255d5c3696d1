import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { rejections } from './core/rejections.js';
import type { RelayCore } from './core/relay-core.js';
import type { RelayIo } from './io/relay-io.js';

/** What `/metrics` shows: read from the core and the joins when it is asked, so nothing is counted twice. */
export function relayMetrics(source: { core: RelayCore; io: RelayIo; up: () => boolean }): Registry {
  const { core, io, up } = source;
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'netport_relay_circuits',
    help: 'Circuits by state: waiting for its legs, or joined.',
    labelNames: ['state'],
    registers,
    collect() {
      const { circuits, joined } = core.counts;
      this.set({ state: 'waiting' }, circuits - joined);
      this.set({ state: 'joined' }, joined);
    },
  });
  new Gauge({
    name: 'netport_relay_half_open_connections',
    help: 'Connections whose leg preamble is not whole yet.',
    registers,
    collect() {
      this.set(core.counts.halfOpen);
    },
  });
  new Gauge({
    name: 'netport_relay_ports_in_use',
    help: 'Ports of the range that belong to a circuit.',
    registers,
    collect() {
      this.set(core.counts.ports);
    },
  });
  new Gauge({
    name: 'netport_relay_control_up',
    help: '1 while the control session stands.',
    registers,
    collect() {
      this.set(up() ? 1 : 0);
    },
  });
  new Counter({
    name: 'netport_relay_bytes_total',
    help: 'Bytes received from legs and forwarded.',
    registers,
    collect() {
      this.reset();
      this.inc(io.bytesTotal());
    },
  });
  new Counter({
    name: 'netport_relay_rejections_total',
    help: 'Connections closed without an answer, by reason.',
    labelNames: ['reason'],
    registers,
    collect() {
      this.reset();
      for (const reason of rejections) this.inc({ reason }, core.rejected[reason]);
    },
  });
  return registry;
}
