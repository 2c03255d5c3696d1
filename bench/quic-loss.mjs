// One stream between two portals behind NATs, over TCP and over QUIC, where packets get lost and round trips take time. In one
// run: ways alternate, medians are compared, ratios are what counts. usage: node bench/quic-loss.mjs [rounds] [seconds] [warm-up]
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildProgram, mountBpf, Overlay, relayNetworks, relayNetworksUnavailable, run } from '@netport/test';
import { describeMachine } from './machine.mjs';
import { lossTable } from './quic/table.mjs';
import { layWire } from './quic/wire.mjs';
import { runIn } from './relay/programs.mjs';

const [rounds = 2, seconds = 1.5, warmUp = 0.7] = process.argv.slice(2).map(Number);
const roundTrips = [0, 20];
const losses = [0, 0.1, 0.5, 1, 5];
/** What systems come with is CUBIC; QUIC brings its own. */
const ways = [
  { name: 'TCP, CUBIC', portals: 'tcp-cubic', args: ['--transport', 'tcp'], kernel: 'cubic', port: 7001 },
  { name: 'TCP, BBR', portals: 'tcp-bbr', args: ['--transport', 'tcp'], kernel: 'bbr', port: 7002 },
  { name: 'QUIC', portals: 'quic', args: ['--transport', 'quic'], kernel: 'cubic', port: 7003 },
];
const host = '127.0.0.1';
const targetPort = 5201;
const streamsAtOnce = 16;

const missing = relayNetworksUnavailable();
if (missing) {
  console.error(missing);
  process.exit(1);
}
// So that a run that is interrupted takes its namespaces and processes along.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

const directory = mkdtempSync(join(tmpdir(), 'netport-bench-'));
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
const pins = mountBpf();
process.on('exit', () => pins.remove());
const networks = relayNetworks();
process.on('exit', () => networks.remove());
const wire = layWire(networks, buildProgram('delay-hop', directory));
const leg = buildProgram('tcp-leg', directory);

const sides = { left: networks.lan1, right: networks.lan2 };
const portals = ways.flatMap((way) => Object.entries(sides).map(([side, lan]) => [`${side}-${way.portals}`, lan]));
const address = networks.addresses.ipv4;
const overlay = await Overlay.start({
  portals: [],
  network: { hub: networks.relay, address, portals: Object.fromEntries(portals) },
  relayArgs: [
    ...['--datapath', 'auto', '--interface', 'left,right'],
    ...['--pin-directory', pins.path, '--listen-address', address],
  ],
});
process.on('exit', () => rmSync(overlay.directory, { recursive: true, force: true }));
try {
  for (const way of ways) {
    for (const side of Object.keys(sides)) await overlay.addPortal(`${side}-${way.portals}`, way.args);
    const [from, to] = [`left-${way.portals}:${host}:${way.port}`, `right-${way.portals}:${host}:${targetPort}`];
    await overlay.addPair(way.portals, from, to);
  }
  const runs = [];
  const paths = [];
  const streams = [];
  for (const roundTrip of roundTrips) {
    await wire.delay(roundTrip);
    for (let round = 1; round <= rounds; round++) {
      await renewTunnels();
      for (const way of ways) streams.push({ way: way.name, roundTrip, perSecond: await measureStreams(way) });
      for (const loss of losses)
        for (const way of ways) {
          const mbits = await measure(way, loss, [warmUp, seconds]);
          runs.push({ way: way.name, roundTrip, loss, mbits });
          report(`${roundTrip} ms, round ${round}/${rounds}, ${loss} %, ${way.name}: ${mbits.toFixed(1)} Mbit/s`);
        }
    }
    paths.push({ roundTrip, circuits: await circuits(), ...(await wire.delay(0)) });
  }
  report('');
  write({ rounds, seconds, warmUp, streamsAtOnce, paths, streams, runs });
} finally {
  await overlay.stop();
}
process.exit(0);

/** What a tunnel knows of an earlier path, such as its shortest round trip or its losses, must not slow it down on this one. */
async function renewTunnels() {
  const members = [...overlay.portals.values()];
  await Promise.all(members.map((member) => member.process.stop('SIGTERM')));
  await Promise.all(members.map((member) => member.start()));
  for (const way of ways) {
    await overlay.pairState(way.portals, 'active');
    // The first connection makes the tunnel.
    await measure(way, 0, [0, 0.5]);
  }
}

async function circuits() {
  return (await overlay.cli(['ls', 'circuits'])).map(({ transport, datapath }) => `${transport} ${datapath}`);
}

/** Of connections that begin from now on, wherever a tunnel over TCP has an end. */
function useCongestionControl({ kernel }) {
  // By route: a namespace's own default can only be what the whole machine allows.
  for (const namespace of [networks.relay, networks.lan1, networks.lan2])
    for (const route of run(`ip -4 -n ${namespace} route show`).trim().split('\n'))
      run(`ip -n ${namespace} route change ${route.replace(/ congctl \S+/, '')} congctl ${kernel}`);
}

/** Mbit/s of one connection on a tunnel that is there already. */
async function measure(way, loss, window) {
  useCongestionControl(way);
  const sink = runIn(sides.right, leg, ['count', host, targetPort, '-', ...window]);
  await sink.heard('binding');
  const source = runIn(sides.left, leg, ['send', host, way.port, '-', 600], { quiet: true });
  // What the run before left in the tunnel gets through without losses first.
  await sink.heard('joined');
  networks.lose(loss);
  const { bytes, seconds: lasted } = await sink.heard('received');
  networks.lose(0);
  await source.stop();
  await sink.exited;
  return (bytes * 8) / lasted / 1e6;
}

/** Short connections per second that begin one after the other, so many at once. */
async function measureStreams(way) {
  const script = join(import.meta.dirname, 'quic', 'streams.mjs');
  const service = runIn(sides.right, process.execPath, [script, 'serve', host, targetPort]);
  await service.heard('listening');
  const client = runIn(sides.left, process.execPath, [script, 'ask', host, way.port, streamsAtOnce, seconds]);
  const { streams, seconds: lasted } = await client.heard('asked');
  await service.stop();
  return streams / lasted;
}

function report(text) {
  process.stderr.write(`\r${text}`.padEnd(80));
}

function write(results) {
  const table = lossTable(ways, results);
  console.log(`\n${table}`);
  const folder = join(import.meta.dirname, 'results');
  mkdirSync(folder, { recursive: true });
  const machine = describeMachine([
    ['cc', '--version'],
    ['nft', '--version'],
    ['ip', '-V'],
  ]);
  writeFileSync(join(folder, 'quic-loss.json'), `${JSON.stringify({ machine, ...results }, null, 2)}\n`);
  writeFileSync(join(folder, 'quic-loss.md'), table);
}
