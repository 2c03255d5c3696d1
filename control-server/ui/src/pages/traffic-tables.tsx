import type { CircuitView, StreamView } from '@netport/protocol';
import { formatBytes, formatCount, formatRate, formatRoundTrip } from '../model/format.js';
import { byRate, type TunnelRate } from '../model/rates.js';
import { Badge } from '../parts/badge.js';
import { Link } from '../parts/link.js';
import { Empty } from '../parts/note.js';
import { type Column, Table } from '../parts/table.js';
import { Time } from '../parts/time.js';
import { rates, traffic } from '../state/live.js';

/** Tables of what runs now; they follow the live events. */

interface Extent {
  most: number;
  /** Only the columns that say most. */
  brief?: boolean;
}

const between = ({ from, to }: { from: string; to: string }) => (
  <span>
    <Link to={{ page: 'portals', name: from }}>{from}</Link> → <Link to={{ page: 'portals', name: to }}>{to}</Link>
  </span>
);

const tunnelColumns: (Column<TunnelRate> & { brief?: boolean })[] = [
  { title: 'Between', cell: between, brief: true },
  {
    title: 'Over',
    cell: ({ transport, path, relay, reason }) => (
      <span title={reason ?? undefined}>
        {transport} {path === 'direct' ? 'direct' : `by ${relay}`}
      </span>
    ),
    brief: true,
  },
  { title: 'Round trip', kind: 'number', cell: ({ rttMs }) => formatRoundTrip(rttMs), brief: true },
  {
    title: 'Loss',
    kind: 'number',
    cell: ({ lossPercent }) => (lossPercent === null ? '–' : `${lossPercent.toFixed(1)} %`),
  },
  { title: 'Sending', kind: 'number', cell: ({ sending }) => formatRate(sending), brief: true },
  { title: 'Receiving', kind: 'number', cell: ({ receiving }) => formatRate(receiving), brief: true },
  { title: 'Streams', kind: 'number', cell: ({ streams }) => formatCount(streams) },
  {
    title: 'Carried',
    kind: 'number',
    cell: ({ bytesSent, bytesReceived }) => formatBytes(bytesSent + bytesReceived),
  },
  { title: 'Since', kind: 'hard', cell: ({ since }) => <Time at={since} /> },
];

export function TunnelTable({ most, brief = false }: Extent) {
  const tunnels = [...rates.value].sort(byRate).slice(0, most);
  if (tunnels.length === 0) {
    return (
      <Empty title="No tunnel stands">
        <p>A tunnel is built when an application connects to the listener of an access pair, and kept for the next.</p>
      </Empty>
    );
  }
  const columns = tunnelColumns.filter((column) => !brief || column.brief);
  return <Table caption="Tunnels" columns={columns} items={tunnels} keyOf={({ key }) => key} />;
}

const streamColumns: (Column<StreamView> & { brief?: boolean })[] = [
  {
    title: 'Access pair',
    cell: ({ pair }) => <Link to={{ page: 'pairs', name: pair }}>{pair}</Link>,
    brief: true,
  },
  { title: 'Between', cell: between },
  { title: 'Source', cell: ({ source }) => <span class="mono">{source}</span>, brief: true },
  { title: 'Target', cell: ({ target }) => <span class="mono">{target ?? '–'}</span>, brief: true },
  { title: 'Over', kind: 'hard', cell: ({ protocol, transport }) => `${protocol} in ${transport}` },
  { title: 'Sent', kind: 'number', cell: ({ bytesSent }) => formatBytes(bytesSent), brief: true },
  { title: 'Received', kind: 'number', cell: ({ bytesReceived }) => formatBytes(bytesReceived), brief: true },
  { title: 'Since', kind: 'hard', cell: ({ since }) => <Time at={since} />, brief: true },
];

export function StreamTable({ most, brief = false }: Extent) {
  const streams = traffic.value?.streams.slice(0, most) ?? [];
  if (streams.length === 0) {
    return (
      <Empty title="No stream is open">
        <p>
          Each connection of an application is a stream. Connect to the listener of an{' '}
          <Link to={{ page: 'pairs' }}>access pair</Link> to see one.
        </p>
      </Empty>
    );
  }
  const columns = streamColumns.filter((column) => !brief || column.brief);
  const keyOf = ({ pair, source, since }: StreamView) => `${pair} ${source} ${since}`;
  return <Table caption="Streams" columns={columns} items={streams} keyOf={keyOf} />;
}

const circuitTones = { opening: 'warn', joined: 'ok', ended: 'off' } as const;

const circuitColumns: Column<CircuitView>[] = [
  { title: 'Between', cell: between },
  { title: 'Relay', cell: ({ relay }) => <Link to={{ page: 'relays', name: relay }}>{relay}</Link> },
  { title: 'Transport', cell: ({ transport }) => transport },
  { title: 'Forwarded by', cell: ({ datapath }) => (datapath === 'userspace' ? 'process' : `kernel (${datapath})`) },
  { title: 'State', cell: ({ state }) => <Badge tone={circuitTones[state]}>{state}</Badge> },
  { title: 'Ports', kind: 'hard', cell: ({ ports }) => <span class="mono">{ports.join(' ⇄ ')}</span> },
  {
    title: 'Forwarded',
    kind: 'number',
    cell: ({ bytesSent, bytesReceived }) => formatBytes(bytesSent + bytesReceived),
  },
  { title: 'Since', kind: 'hard', cell: ({ since }) => <Time at={since} /> },
];

export function CircuitTable({ most }: { most: number }) {
  const circuits = traffic.value?.circuits.slice(0, most) ?? [];
  if (circuits.length === 0) {
    return (
      <Empty title="No circuit stands">
        <p>A circuit joins two portals at a relay for as long as their tunnel stands.</p>
      </Empty>
    );
  }
  return <Table caption="Circuits" columns={circuitColumns} items={circuits} keyOf={({ id }) => id} />;
}
