// What the audit trail's record of each stream costs: short TCP connections through portal → relay → portal, and the CPU that each
// process takes for one. Beside it, in alternating rounds, another checkout: that of the commit before streams were recorded.
// usage: node bench/audit.mjs [rounds] [streams] [checkout to compare with, built]
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startEcho } from '@netport/test';
import { keepResults } from './keep-results.mjs';
import { describeMachine, median } from './machine.mjs';

const [rounds = '5', streams = '2000', other] = process.argv.slice(2);
const concurrency = 20;
/** For what portals report after a stream has ended, and the control server writes. */
const settling = 3000;
const ticksPerSecond = 100;

const target = await startEcho();
const ways = {
  'with records': await start(join(import.meta.dirname, '..')),
  ...(other && { 'before there were any': await start(other) }),
};
const runs = Object.fromEntries(Object.keys(ways).map((way) => [way, []]));
for (const way of Object.values(ways)) await carry(way.port, 100);

for (let round = 1; round <= Number(rounds); round++) {
  for (const [way, overlay] of Object.entries(ways)) {
    const before = overlay.cpu();
    const began = performance.now();
    await carry(overlay.port, Number(streams));
    const seconds = (performance.now() - began) / 1000;
    await sleep(settling);
    const after = overlay.cpu();
    const cpuMsPerStream = Object.fromEntries(
      Object.keys(after).map((name) => [name, ((after[name] - before[name]) * 1000) / Number(streams)]),
    );
    runs[way].push({ streamsPerSecond: Number(streams) / seconds, cpuMsPerStream });
    process.stderr.write(`round ${round}: ${way}: ${Math.round(Number(streams) / seconds)} streams/s\n`);
  }
}

const rows = Object.entries(runs).map(([way, all]) => ({
  way,
  streamsPerSecond: Math.round(median(all.map((run) => run.streamsPerSecond))),
  cpuMsPerStream: Object.fromEntries(
    Object.keys(all[0].cpuMsPerStream).map((name) => [
      name,
      Number(median(all.map((run) => run.cpuMsPerStream[name])).toFixed(3)),
    ]),
  ),
}));
console.log(JSON.stringify(rows, null, 2));
for (const { overlay } of Object.values(ways)) await overlay.stop();
await target.close();

const figures = {
  machine: describeMachine([]),
  rounds: Number(rounds),
  streams: Number(streams),
  concurrency,
  rows,
  runs,
};
keepResults('audit', figures);
process.exit(0);

async function start(checkout) {
  const { Overlay, freePort } = await import(join(checkout, 'test/dist/harness/index.js'));
  const overlay = await Overlay.start({ portalArgs: ['--transport', 'tcp'] });
  const port = await freePort();
  await overlay.addPair('bench', `a:127.0.0.1:${port}`, `b:127.0.0.1:${target.port}`);
  const processes = { control: overlay.control, a: overlay.portal('a').process, b: overlay.portal('b').process };
  const cpu = () => Object.fromEntries(Object.entries(processes).map(([name, { pid }]) => [name, cpuSeconds(pid)]));
  return { overlay, port, cpu };
}

/** User and system time of a process. */
function cpuSeconds(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** So many connections, a few at a time: each sends 100 bytes, has them back, and closes. */
async function carry(port, count) {
  let left = count;
  const worker = async () => {
    while (left-- > 0) {
      const socket = connect(port, '127.0.0.1');
      socket.write(Buffer.alloc(100));
      let received = 0;
      while (received < 100) received += (await once(socket, 'data'))[0].length;
      socket.end();
      await once(socket, 'close');
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
}
