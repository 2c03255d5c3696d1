// Medians as Markdown.
import { median } from '../machine.mjs';

const row = (cells) => `| ${cells.join(' | ')} |`;

/** Of the ways the last is compared with each of the others. */
export function lossTable(ways, { rounds, seconds, warmUp, runs }) {
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
  return `One stream, median of ${rounds} runs of ${seconds} s after ${warmUp} s. Loss: of the packets at each of two NATs, both ways.
Delay: of a round trip, on top of what the machine takes.

${[row(head), row(head.map(() => '---')), ...rows].join('\n')}
`;
}
