// Medians as Markdown.
import { median } from '../machine.mjs';

const row = (cells) => `| ${cells.join(' | ')} |`;
const table = (head, rows) => [row(head), row(head.map(() => '---')), ...rows].join('\n');

/** Of the ways the last is compared with each of the others. */
export function lossTable(ways, { rounds, seconds, warmUp, streamsAtOnce, streams, runs }) {
  const names = ways.map(({ name }) => name);
  const last = names.at(-1);
  const others = names.slice(0, -1);
  const kinds = [...new Set(runs.map(({ loss, roundTrip }) => `${roundTrip} ${loss}`))];
  const rows = kinds.map((kind) => {
    const [roundTrip, loss] = kind.split(' ').map(Number);
    const picked = runs.filter((run) => run.roundTrip === roundTrip && run.loss === loss);
    const of = (way) => median(picked.filter((run) => run.way === way).map(({ mbits }) => mbits));
    const ratios = others.map((way) => (of(last) / of(way)).toFixed(2));
    return row([`${loss} %`, `${roundTrip} ms`, ...names.map((way) => of(way).toFixed(1)), ...ratios]);
  });
  const head = [
    ...['loss', 'delay', ...names.map((way) => `${way}, Mbit/s`)],
    ...others.map((way) => `${last} to ${way}`),
  ];
  const short = [...new Set(streams.map(({ roundTrip }) => roundTrip))].map((roundTrip) => {
    const picked = names.map((way) => streams.filter((run) => run.way === way && run.roundTrip === roundTrip));
    return row([`${roundTrip} ms`, ...picked.map((own) => median(own.map(({ perSecond }) => perSecond)).toFixed(0))]);
  });
  return `One stream, median of ${rounds} runs of ${seconds} s after ${warmUp} s. Loss: of the packets at each of two NATs, both ways.
Delay: of a round trip, on top of what the machine takes. CUBIC and BBR: what the portals' legs follow; everything else has CUBIC.

${table(head, rows)}

Short connections per second, a byte there and back, ${streamsAtOnce} at once, without loss.

${table(['delay', ...names], short)}
`;
}

/** Each load at each loss; the last way is compared with the first. */
export function loadTable(ways, { rounds, seconds, datagrams, streamsAtOnce, runs }) {
  const names = ways.map(({ name }) => name);
  const loads = [...new Set(runs.map(({ load }) => load))];
  const losses = [...new Set(runs.map(({ loss }) => loss))];
  const rows = loads.flatMap((load) =>
    losses.map((loss) => {
      const of = (way) => {
        const picked = runs.filter((run) => run.load === load && run.loss === loss && run.way === way);
        return median(picked.map(({ value }) => value));
      };
      const ratio = of(names.at(-1)) / of(names[0]);
      return row([load, `${loss} %`, ...names.map((way) => of(way).toFixed(0)), ratio.toFixed(2)]);
    }),
  );
  return `From application to application: portal, NAT, relay in the kernel, NAT, portal, all on one machine with two cores that others used
meanwhile. Median of ${rounds} runs of ${seconds} s that alternate: ratios are worth more than figures. Both follow BBR. Loss: of the packets at
each of two NATs, both ways, no delay. Datagrams: of ${datagrams.bytes} bytes, ${datagrams.perSecond} sent per second, those that arrive. Short streams: connections with a byte there and back, ${streamsAtOnce} at once.

${table(['load', 'loss', ...names, 'ratio'], rows)}
`;
}
