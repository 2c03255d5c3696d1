import { formatCount } from '../model/format.js';
import { Card, Page } from '../parts/page.js';
import { rates, traffic } from '../state/live.js';
import { CircuitTable, StreamTable, TunnelTable } from './traffic-tables.js';

/** More rows than this nobody reads; the busiest are first. */
const rows = 200;

export function TrafficPage() {
  const { streams = [], circuits = [], totals = { streams: 0 } } = traffic.value ?? {};
  return (
    <Page title="Traffic" about="What runs at this moment, renewed each second. The audit trail keeps what ended.">
      <Card title="Streams" tools={<Shown shown={streams.length} total={totals.streams} />}>
        <StreamTable most={rows} />
      </Card>
      <Card title="Tunnels" tools={<Shown shown={Math.min(rows, rates.value.length)} total={rates.value.length} />}>
        <TunnelTable most={rows} />
      </Card>
      <Card title="Circuits" tools={<Shown shown={Math.min(rows, circuits.length)} total={circuits.length} />}>
        <CircuitTable most={rows} />
      </Card>
    </Page>
  );
}

const Shown = ({ shown, total }: { shown: number; total: number }) => (
  <span class="soft small">
    {shown < total ? `the busiest ${formatCount(shown)} of ${formatCount(total)}` : formatCount(total)}
  </span>
);
