// Medians as Markdown.
import { median } from '../machine.mjs';

const row = (cells) => `| ${cells.join(' | ')} |`;
const table = (head, rows) => [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');
const of = (runs, figure) => median(runs.map((run) => run[figure]));
const kinds = (runs, ...keys) => [...new Set(runs.map((run) => keys.map((key) => run[key]).join('\0')))];

export function udpTable(runs, rounds, seconds) {
  const rows = kinds(runs, 'way').flatMap((way) =>
    kinds(runs, 'size').map((size) => {
      const pick = (rate) => runs.filter((run) => run.way === way && String(run.size) === size && run.rate === rate);
      const [full, paced] = [pick('full'), pick('paced')];
      const lost = paced.reduce((sum, run) => sum + run.lost, 0);
      return [
        way,
        `${size} B`,
        of(full, 'kpps').toFixed(0),
        of(full, 'gigabits').toFixed(2),
        `${((100 * of(full, 'lost')) / of(full, 'sent')).toFixed(1)} %`,
        of(full, 'microsecondsPerPacket').toFixed(1),
        `${lost} of ${paced.reduce((sum, run) => sum + run.sent, 0)} at ${of(paced, 'kpps').toFixed(0)} kpps`,
      ];
    }),
  );
  const head = ['UDP', 'payload', 'kpps', 'Gbit/s', 'lost', 'CPU µs/packet', 'lost below saturation'];
  return `Full rate, median of ${rounds} runs of ${seconds} s; the whole machine's CPU, both ends included.\n\n${table(head, rows)}\n`;
}

export function tcpTable(runs, rounds, seconds) {
  const names = { veth: 'segments up to 64 KiB', wire: 'segments of the MTU' };
  const rows = kinds(runs, 'way').map((way) => [
    way,
    ...Object.keys(names).flatMap((offloads) => {
      const picked = runs.filter((run) => run.way === way && run.offloads === offloads);
      return [of(picked, 'gigabits').toFixed(1), of(picked, 'cpuSecondsPerGigabyte').toFixed(2)];
    }),
  ]);
  const head = ['TCP', ...Object.values(names).flatMap((name) => [`Gbit/s, ${name}`, 'CPU s/GB'])];
  return `One connection, median of ${rounds} runs of ${seconds} s.\n\n${table(head, rows)}\n`;
}
