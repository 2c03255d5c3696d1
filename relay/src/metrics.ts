import { type CommonMetrics, controlSessionMetrics, createRegistry } from '@netport/runtime';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { RelayCore } from './core/relay-core.js';
import type { Datapath } from './datapath/datapath.js';
import type { RelayIo } from './io/relay-io.js';

export interface MetricsSource {
  core: RelayCore;
  io: RelayIo;
  datapath: Datapath;
  build: Omit<CommonMetrics, 'role'>;
  /** Undefined before it is opened. */
  session: () => { up: boolean; starts: number } | undefined;
}

/** What `/metrics` shows: read from the core, the joins and the kernel's maps when it is asked, so nothing is counted twice. */
export function relayMetrics({ core, io, datapath, build, session }: MetricsSource): Registry {
  const registry = createRegistry({ role: 'relay', ...build });
  controlSessionMetrics(registry, { up: () => session()?.up ?? false, starts: () => session()?.starts ?? 0 });

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
  const forwarded = (figure: 'bytes' | 'packets'): Reader => {
    return () =>
      Object.fromEntries(Object.entries(io.totals()).map(([datapath, figures]) => [datapath, figures[figure]]));
  };
  labelled(
    Counter,
    'netport_relay_bytes_total',
    'Bytes received from legs and forwarded, by what forwarded them.',
    'datapath',
    forwarded('bytes'),
  );
  labelled(
    Counter,
    'netport_relay_packets_total',
    'Packets received from legs and forwarded, where packets are forwarded.',
    'datapath',
    forwarded('packets'),
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
