// Tunnels over QUIC beside tunnels over TCP, through portal → relay → portal on this machine, in one run: rounds alternate, medians
// are compared, ratios are what counts. usage: node bench/quic.mjs [rounds] [seconds]
import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '@netport/test';
import { describeMachine, median } from './machine.mjs';
import { accepting, start } from './peers/children.mjs';
import { startNetport } from './peers/netport.mjs';

const [rounds = 3, seconds = 3] = process.argv.slice(2).map(Number);
const run = promisify(execFile);
const datagramBytes = 1200;

const machine = describeMachine([['iperf3', '--version']]);
const iperfPort = await freePort();
const iperf = start('iperf3', ['-s', '-p', String(iperfPort)]);
await accepting(iperfPort, 'iperf3');

const ways = {
  tcp: ['--transport', 'tcp'],
  'quic, BBR': ['--transport', 'quic'],
  'quic, CUBIC': ['--transport', 'quic', '--congestion', 'cubic'],
};
const streams = (count) => ({ flags: ['-P', String(count)], unit: 'Gbit/s', of: gigabits });
const datagrams = (perSecond) => ({
  flags: ['-u', '-l', String(datagramBytes), '-b', String(perSecond * datagramBytes * 8)],
  unit: 'datagrams/s received',
  of: received,
});
const loads = {
  'one stream, sending': streams(1),
  'one stream, receiving': { ...streams(1), flags: ['-R'] },
  'eight streams, sending': streams(8),
  '20,000 datagrams/s': datagrams(20_000),
  '100,000 datagrams/s': datagrams(100_000),
};

const results = {};
for (let round = 1; round <= rounds; round++) {
  for (const [way, portalArgs] of Object.entries(ways)) {
    const netport = await startNetport(undefined, iperfPort, portalArgs);
    for (const [load, { flags, of }] of Object.entries(loads)) {
      const value = of(await measure(netport.port, flags));
      results[load] ??= {};
      results[load][way] ??= [];
      results[load][way].push(value);
      process.stderr.write(`\rround ${round}/${rounds}  ${way}, ${load}: ${format(value)}`.padEnd(80));
    }
    await netport.stop();
  }
}
process.stderr.write('\r'.padEnd(80));

console.log(`\nmedian of ${rounds} alternating runs of ${seconds} s\n`);
console.log(
  ''.padEnd(26) +
    Object.keys(ways)
      .map((way) => way.padStart(14))
      .join(''),
);
const rows = Object.entries(loads).map(([load, { unit }]) => {
  const medians = Object.fromEntries(Object.keys(ways).map((way) => [way, median(results[load][way])]));
  console.log(
    `${load.padEnd(26)}${Object.values(medians)
      .map((value) => format(value).padStart(14))
      .join('')}   ${unit}`,
  );
  return { load, unit, ...medians };
});

const folder = join(import.meta.dirname, 'results');
mkdirSync(folder, { recursive: true });
writeFileSync(
  join(folder, 'quic.json'),
  `${JSON.stringify({ machine, rounds, seconds, rows, runs: results }, null, 2)}\n`,
);
console.log(`\nwritten to ${join(folder, 'quic.json')}`);
await iperf.stop();
process.exit(0);

function gigabits({ end }) {
  return end.sum_received.bits_per_second / 1e9;
}

function received({ end }) {
  const { packets, lost_packets, seconds: lasted } = end.sum;
  return (packets - lost_packets) / lasted;
}

function format(value) {
  return value < 100 ? value.toFixed(2) : Math.round(value).toLocaleString('en');
}

async function measure(port, flags) {
  const args = ['-c', '127.0.0.1', '-p', String(port), '-t', String(seconds), '-J', ...flags];
  for (let attempt = 1; ; attempt++) {
    const { stdout } = await run('iperf3', args, { timeout: (seconds + 15) * 1000 }).catch((error) => error);
    const answer = JSON.parse(stdout);
    if (answer.end?.sum_received ?? answer.end?.sum) return answer;
    // iperf3 serves one client at a time, and may still be busy with the end of the last one.
    if (attempt === 5) throw new Error(`iperf3: ${answer.error}`);
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}
