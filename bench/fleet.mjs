// What a fleet costs its admins: a file of 5,000 access pairs applied, in force at 100 connected portals, and the admin page over 1,000
// portals. Everything on one machine. usage: node bench/fleet.mjs [rounds] [portals] [connected] [pairs]
import { existsSync } from 'node:fs';
import { Fleet } from './fleet/fleet.mjs';
import { keepResults } from './keep-results.mjs';
import { describeMachine, median } from './machine.mjs';

const [rounds = 3, portals = 1000, connected = 100, pairs = 5000] = process.argv.slice(2).map(Number);
const each = pairs / connected;
if (!Number.isInteger(each)) throw new Error('pairs must be a multiple of the connected portals');
const times = new Map();
const add = (what, goal, ms) => {
  const row = times.get(what) ?? { what, goal, ms: [] };
  row.ms.push(ms);
  times.set(what, row);
};

const fleet = await Fleet.start({ portals, connected });
try {
  const file = fleet.writePairs('pairs.yaml', pairs, connected);
  // One pair for each portal, so that each hears of the others being withdrawn.
  const few = fleet.writePairs('few.yaml', connected, connected);
  await fleet.apply(['-f', few], 1);
  for (let round = 1; round <= rounds; round++) {
    const { command, push, summary } = await fleet.apply(['-f', file], each);
    process.stderr.write(`round ${round}: ${summary} ${Math.round(command)} ms, pushed in ${Math.round(push)} ms\n`);
    add(`netport apply of ${pairs} access pairs`, 5000, command);
    add(`applied until in force at ${connected} connected portals, ${each} listeners each`, 2000, push);
    if (round === 1 && existsSync('/usr/bin/chromium')) await page();
    const withdrawn = await fleet.apply(['-f', few, '--prune'], 1);
    add('the same withdrawn with --prune', undefined, withdrawn.command);
    add(`withdrawn until gone at ${connected} portals`, undefined, withdrawn.push);
  }
} finally {
  await fleet.stop();
}

async function page() {
  const { measurePage } = await import('./fleet/page.mjs');
  const samples = await measurePage({ url: fleet.url, token: await fleet.adminToken(), rounds: 5 });
  for (const { place, paint, contents } of samples) {
    for (const ms of paint) add(`page, ${place}: first paint`, 1000, ms);
    for (const ms of contents) add(`page, ${place}: contents`, undefined, ms);
  }
}

const rows = [...times.values()].map(({ what, goal, ms }) => ({
  what,
  goal: goal ?? null,
  median: Math.round(median(ms)),
  worst: Math.round(Math.max(...ms)),
}));
const machine = describeMachine([['/usr/bin/chromium', '--version']]);
const table = [
  `# A fleet of ${portals} portals, ${connected} of them connected, and ${pairs} access pairs`,
  '',
  `Milliseconds, ${rounds} rounds (pages: 5 loads each); everything on one machine: ${machine.cpu}, ${machine.cores} cores, Node ${machine.node}.`,
  '`node bench/fleet.mjs`',
  '',
  '| | goal | median | worst |',
  '|---|---|---|---|',
  ...rows.map(({ what, goal, median, worst }) => `| ${what} | ${goal ?? ''} | ${median} | ${worst} |`),
  '',
].join('\n');
console.log(table);
const parameters = { rounds, portals, connected, pairs };
keepResults('fleet', { machine, parameters, unit: 'ms', rows }, table);
process.exit(0);
