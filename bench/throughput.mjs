// One TCP connection through portal → relay → portal, beside stunnel → haproxy → stunnel and OpenSSH, in one run:
// rounds alternate, medians are compared, ratios are what counts. usage: node bench/throughput.mjs [rounds] [seconds]
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '@netport/test';
import { keepResults } from './keep-results.mjs';
import { describeMachine, median } from './machine.mjs';
import { accepting, start } from './peers/children.mjs';
import { startNetport } from './peers/netport.mjs';
import { startOpenSsh } from './peers/openssh.mjs';
import { startStunnel } from './peers/stunnel.mjs';

const [rounds = 5, seconds = 3] = process.argv.slice(2).map(Number);
const run = promisify(execFile);
const directions = { sending: [], receiving: ['-R'] };
const reference = 'stunnel + haproxy + stunnel';

const machine = describeMachine([
  ['iperf3', '--version'],
  ['stunnel', '-version'],
  ['haproxy', '-v'],
  ['ssh', '-V'],
]);
const missing = Object.entries(machine.tools).filter(([, version]) => version === 'missing');
if (missing.length > 0) {
  console.error(
    `missing: ${missing.map(([name]) => name).join(', ')}; apt-get install iperf3 stunnel4 haproxy openssh-server`,
  );
  process.exit(1);
}

const directory = mkdtempSync(join(tmpdir(), 'netport-bench-'));
const iperfPort = await freePort();
const iperf = start('iperf3', ['-s', '-p', String(iperfPort)]);
await accepting(iperfPort, 'iperf3');

const ways = {
  'no tunnel': { port: iperfPort, stop: async () => {} },
  [reference]: await startStunnel(folder('stunnel'), iperfPort),
  'OpenSSH -L, no relay': await startOpenSsh(folder('openssh'), iperfPort),
  Netport: await startNetport(folder('netport'), iperfPort, ['--transport', 'tcp']),
};
const results = Object.fromEntries(Object.keys(ways).map((way) => [way, { sending: [], receiving: [] }]));

for (let round = 1; round <= rounds; round++) {
  for (const [way, { port }] of Object.entries(ways)) {
    for (const [direction, flags] of Object.entries(directions)) {
      const gigabits = await measure(port, flags);
      results[way][direction].push(gigabits);
      process.stderr.write(
        `\rround ${round}/${rounds}  ${way}, ${direction}: ${gigabits.toFixed(2)} Gbit/s`.padEnd(80),
      );
    }
  }
}
process.stderr.write('\r'.padEnd(80));
const memoryMiB = await ways.Netport.memory();

const rows = Object.entries(results).map(([way, { sending, receiving }]) => ({
  way,
  sending: median(sending),
  receiving: median(receiving),
}));
const base = rows.find(({ way }) => way === reference);
console.log(
  `\none TCP connection, median of ${rounds} alternating runs of ${seconds} s, Gbit/s (ratio to ${reference})\n`,
);
for (const { way, sending, receiving } of rows) {
  const cell = (value, of) => `${value.toFixed(2)} (${(value / of).toFixed(2)})`.padStart(16);
  console.log(`${way.padEnd(30)}${cell(sending, base.sending)}${cell(receiving, base.receiving)}`);
}
console.log(`\npeak memory, MiB: ${JSON.stringify(memoryMiB)}`);

const output = keepResults('throughput', {
  machine,
  rounds,
  seconds,
  unit: 'Gbit/s',
  rows,
  runs: results,
  memoryMiB,
});
console.log(`written to ${output}`);

for (const { stop } of Object.values(ways)) await stop();
await iperf.stop();
rmSync(directory, { recursive: true, force: true });
process.exit(0);

function folder(name) {
  mkdirSync(join(directory, name));
  return join(directory, name);
}

async function measure(port, flags) {
  const args = ['-c', '127.0.0.1', '-p', String(port), '-t', String(seconds), '-O', '1', '-J', ...flags];
  for (let attempt = 1; ; attempt++) {
    const { stdout } = await run('iperf3', args, { timeout: (seconds + 15) * 1000 }).catch((error) => error);
    const { end, error } = JSON.parse(stdout);
    if (end?.sum_received) return end.sum_received.bits_per_second / 1e9;
    // iperf3 serves one client at a time, and may still be busy with the end of the last one.
    if (attempt === 5) throw new Error(`iperf3: ${error}`);
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}
