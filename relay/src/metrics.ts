import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { RelayCore } from './core/relay-core.js';
import type { Datapath } from './datapath/datapath.js';
import type { RelayIo } from './io/relay-io.js';

export interface MetricsSource {
  core: RelayCore;
  io: RelayIo;
  datapath: Datapath;
  /** Whether the control session stands. */
  up: () => boolean;
}

/** What `/metrics` shows: read from the core, the joins and the kernel's maps when it is asked, so nothing is counted twice. */
export function relayMetrics({ core, io, datapath, up }: MetricsSource): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });

  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  const labelled = (kind: typeof Gauge | typeof Counter, name: string, help: string, label: string, read: Reader) =>
    new kind({
      name,
      help,
      labelNames: [label],
      registers: [registry],
      collect() {
        this.reset();
        for (const [value, count] of Object.entries(read())) this.inc({ [label]: value }, count);
      },
    });
  const counter = (name: string, help: string, read: () => number) =>
    new Counter({
      name,
      help,
      registers: [registry],
      collect() {
        this.reset();
        this.inc(read());
      },
    });

  labelled(Gauge, 'netport_relay_circuits', 'Circuits by state: waiting for its legs, or joined.', 'state', () => {
    const { circuits, joined } = core.counts;
    return { waiting: circuits - joined, joined };
  });
  labelled(Gauge, 'netport_relay_joined_circuits', 'Joined circuits by what forwards them.', 'datapath', () => {
    const joined = { userspace: 0, xdp: 0, tc: 0 };
    for (const circuit of io.counters()) joined[circuit.datapath]++;
    return joined;
  });
  gauge(
    'netport_relay_half_open_connections',
    'Connections whose leg preamble is not whole yet.',
    () => core.counts.halfOpen,
  );
  gauge('netport_relay_ports_in_use', 'Ports of the range that belong to a circuit.', () => core.counts.ports);
  gauge('netport_relay_control_up', '1 while the control session stands.', () => (up() ? 1 : 0));
  counter('netport_relay_bytes_total', 'Bytes received from legs and forwarded.', () => io.totals().bytes);
  counter(
    'netport_relay_packets_total',
    'Packets received from legs and forwarded, where packets are forwarded.',
    () => io.totals().packets,
  );
  labelled(
    Counter,
    'netport_relay_rejections_total',
    'Connections closed and datagrams dropped without an answer, by reason.',
    'reason',
    () => ({ ...core.rejected, ...io.dropped }),
  );
  labelled(
    Counter,
    'netport_relay_kernel_drops_total',
    'Packets that the kernel program dropped, by reason.',
    'reason',
    () => datapath.describe().drops,
  );
  labelled(
    Counter,
    'netport_relay_kernel_declined_total',
    'Circuits that stayed in userspace though the kernel forwards, by reason.',
    'reason',
    () => datapath.describe().declined,
  );
  return registry;
}

/** A label's values and their counts. */
type Reader = () => Readonly<Record<string, number>>;
