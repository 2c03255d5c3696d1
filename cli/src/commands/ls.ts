import { type CircuitView, endpoints, type StreamView, type TunnelView } from '@netport/protocol';
import type { Command } from 'commander';
import { type Cli, connect, type JsonOption, printList, withExample, withJson } from '../cli.js';
import { humanBytes, relativeTime } from '../output/human.js';
import type { Column } from '../output/table.js';

/** `netport ls circuits|tunnels|streams`: what runs now. */
export function ls(program: Command, cli: Cli): void {
  const group = program.command('ls').description('list what runs now: circuits, tunnels or streams');

  const circuits = group
    .command('circuits')
    .description('list the circuits on the relays')
    .action(async (options: JsonOption) => {
      const rows = await (await connect(cli)).list(endpoints.circuit.list);
      printList(cli, rows, circuitColumns(cli.now()), { ...options, empty: `No circuits. ${whenOneAppears}` });
    });
  withExample(withJson(circuits), 'netport ls circuits');

  const tunnels = group
    .command('tunnels')
    .description('list the tunnels between portals')
    .action(async (options: JsonOption) => {
      const rows = await (await connect(cli)).list(endpoints.tunnel.list);
      printList(cli, rows, tunnelColumns(cli.now()), { ...options, empty: `No tunnels. ${whenOneAppears}` });
    });
  withExample(withJson(tunnels), 'netport ls tunnels');

  const streams = group
    .command('streams')
    .description('list the streams: one for each application connection or UDP client')
    .action(async (options: JsonOption) => {
      const rows = await (await connect(cli)).list(endpoints.stream.list);
      printList(cli, rows, streamColumns(cli.now()), { ...options, empty: `No streams. ${whenOneAppears}` });
    });
  withExample(withJson(streams), 'netport ls streams', 'netport ls streams --json');
}

const whenOneAppears = 'The first connection to the --from address of an access pair makes one: netport pair ls';

const counters = (now: number): Column<{ bytesSent: number; bytesReceived: number; since: string }>[] => [
  { title: 'SENT', value: ({ bytesSent }) => humanBytes(bytesSent), align: 'right' },
  { title: 'RECEIVED', value: ({ bytesReceived }) => humanBytes(bytesReceived), align: 'right' },
  { title: 'SINCE', value: ({ since }) => relativeTime(since, now) },
];

/** Both directions; nothing where the relay forwards bytes. */
const packets = ({ packetsSent, packetsReceived }: CircuitView): string | null =>
  packetsSent === null || packetsReceived === null ? null : (packetsSent + packetsReceived).toLocaleString('en');

const circuitColumns = (now: number): Column<CircuitView>[] => [
  { title: 'FROM', value: ({ from }) => from },
  { title: 'TO', value: ({ to }) => to },
  { title: 'RELAY', value: ({ relay }) => relay },
  { title: 'PORTS', value: ({ ports }) => ports.join(', ') },
  { title: 'TRANSPORT', value: ({ transport }) => transport },
  { title: 'DATAPATH', value: ({ datapath }) => datapath },
  { title: 'STATE', value: ({ state }) => state },
  { title: 'PACKETS', value: packets, align: 'right' },
  ...counters(now),
];

const tunnelColumns = (now: number): Column<TunnelView>[] => [
  { title: 'FROM', value: ({ from }) => from },
  { title: 'TO', value: ({ to }) => to },
  { title: 'TRANSPORT', value: ({ transport }) => transport },
  { title: 'PATH', value: ({ path }) => path },
  { title: 'RELAY', value: ({ relay }) => relay },
  { title: 'RTT', value: ({ rttMs }) => (rttMs === null ? null : `${rttMs.toFixed(1)} ms`), align: 'right' },
  {
    title: 'LOSS',
    value: ({ lossPercent }) => (lossPercent === null ? null : `${lossPercent.toFixed(1)} %`),
    align: 'right',
  },
  {
    title: 'WINDOW',
    value: ({ congestionWindow }) => (congestionWindow === null ? null : humanBytes(congestionWindow)),
    align: 'right',
  },
  { title: 'STREAMS', value: ({ streams }) => streams, align: 'right' },
  ...counters(now),
  { title: 'WHY', value: ({ reason }) => reason },
];

const streamColumns = (now: number): Column<StreamView>[] => [
  { title: 'PAIR', value: ({ pair }) => pair },
  { title: 'FROM', value: ({ from }) => from },
  { title: 'SOURCE', value: ({ source }) => source },
  { title: 'TO', value: ({ to }) => to },
  { title: 'TARGET', value: ({ target }) => target },
  { title: 'PROTOCOL', value: ({ protocol }) => protocol },
  { title: 'TRANSPORT', value: ({ transport }) => transport },
  { title: 'DROPPED', value: ({ dropped }) => dropped, align: 'right' },
  ...counters(now),
];
