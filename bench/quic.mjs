// Tunnels over QUIC beside tunnels over TCP, from application to application through two NATs and a relay, where packets get lost. In
// one run: ways alternate, medians are compared, ratios are what counts. usage: node bench/quic.mjs [rounds] [seconds] [warm-up]
import { keep, report } from './quic/outcome.mjs';
import { loadTable } from './quic/table.mjs';
import { layWorld, streamsAtOnce } from './quic/world.mjs';

const [rounds = 3, seconds = 2, warmUp = 1] = process.argv.slice(2).map(Number);
const losses = [0, 0.1, 0.5, 1, 5];
const datagrams = { bytes: 1200, perSecond: 80_000 };
const ways = [
  { name: 'TCP', portals: 'tcp', args: ['--transport', 'tcp'], port: 7001 },
  { name: 'QUIC', portals: 'quic', args: ['--transport', 'quic'], port: 7002 },
];

const world = await layWorld(ways);
const window = [warmUp, seconds];
const loads = {
  'one stream, Mbit/s': (way, loss) => world.measure(way, loss, window),
  'eight streams, Mbit/s': (way, loss) => world.measure(way, loss, window, 8),
  'datagrams per second': (way, loss) => world.measureDatagrams(way, loss, window, datagrams),
  'short streams per second': (way, loss) => world.measureStreams(way, loss, seconds),
};
try {
  const runs = [];
  for (let round = 1; round <= rounds; round++) {
    await world.renewTunnels();
    for (const loss of losses)
      for (const [load, measure] of Object.entries(loads))
        for (const way of ways) {
          const value = await measure(way, loss);
          runs.push({ load, loss, way: way.name, value });
          report(`round ${round}/${rounds}, ${loss} %, ${way.name}, ${load}: ${value.toFixed(1)}`);
        }
  }
  report('');
  const figures = { rounds, seconds, warmUp, datagrams, streamsAtOnce, circuits: await world.circuits(), runs };
  keep('quic', figures, loadTable(ways, figures));
} finally {
  await world.overlay.stop();
}
process.exit(0);
