// One stream between two portals behind NATs, over TCP and over QUIC, where packets get lost and round trips take time. In one
// run: ways alternate, medians are compared, ratios are what counts. usage: node bench/quic-loss.mjs [rounds] [seconds] [warm-up]
import { keep, report } from './quic/outcome.mjs';
import { lossTable } from './quic/table.mjs';
import { layWorld, streamsAtOnce } from './quic/world.mjs';

const [rounds = 2, seconds = 1.5, warmUp = 0.7] = process.argv.slice(2).map(Number);
const roundTrips = [0, 20];
const losses = [0, 0.1, 0.5, 1, 5];
/** Of the portals' legs: the kernels themselves have CUBIC, as systems come. */
const ways = [
  { name: 'TCP, CUBIC', portals: 'tcp-cubic', args: ['--transport', 'tcp', '--congestion', 'cubic'], port: 7001 },
  { name: 'TCP, BBR', portals: 'tcp-bbr', args: ['--transport', 'tcp'], port: 7002 },
  { name: 'QUIC', portals: 'quic', args: ['--transport', 'quic'], port: 7003 },
];
const world = await layWorld(ways);
try {
  const runs = [];
  const paths = [];
  const streams = [];
  for (const roundTrip of roundTrips) {
    await world.wire.delay(roundTrip);
    for (let round = 1; round <= rounds; round++) {
      await world.renewTunnels();
      for (const way of ways)
        streams.push({ way: way.name, roundTrip, perSecond: await world.measureStreams(way, 0, seconds) });
      for (const loss of losses)
        for (const way of ways) {
          const mbits = await world.measure(way, loss, [warmUp, seconds]);
          runs.push({ way: way.name, roundTrip, loss, mbits });
          report(`${roundTrip} ms, round ${round}/${rounds}, ${loss} %, ${way.name}: ${mbits.toFixed(1)} Mbit/s`);
        }
    }
    paths.push({ roundTrip, circuits: await world.circuits(), ...(await world.wire.delay(0)) });
  }
  report('');
  const figures = { rounds, seconds, warmUp, streamsAtOnce, paths, streams, runs };
  keep('quic-loss', figures, lossTable(ways, figures));
} finally {
  await world.overlay.stop();
}
process.exit(0);
