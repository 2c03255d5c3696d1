// Two networks behind NATs with a relay between them, whose packets get lost, and a pair of portals for each way to carry a stream.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildProgram, mountBpf, Overlay, relayNetworks, relayNetworksUnavailable } from '@netport/test';
import { runIn } from '../relay/programs.mjs';
import { layWire, useCubic } from './wire.mjs';

const host = '127.0.0.1';
const targetPort = 5201;
export const streamsAtOnce = 16;

/** A way has `name`, `portals`, `args` for these, and the `port` at which the left one listens. Ends the process where it cannot be. */
export async function layWorld(ways) {
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
  for (const namespace of [networks.relay, networks.lan1, networks.lan2]) useCubic(namespace);
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
  for (const way of ways) {
    for (const side of Object.keys(sides)) await overlay.addPortal(`${side}-${way.portals}`, way.args);
    const [from, to] = [`left-${way.portals}:${host}:${way.port}`, `right-${way.portals}:${host}:${targetPort}`];
    await overlay.addPair(way.portals, from, to);
    await overlay.addPair(`${way.portals}-udp`, from, to, ['--udp']);
  }
  return new World({ ways, networks, wire, leg, sides, overlay });
}

class World {
  constructor(parts) {
    Object.assign(this, parts);
  }

  /** What a tunnel knows of an earlier path, such as its shortest round trip or its losses, must not slow it down on this one. */
  async renewTunnels() {
    const members = [...this.overlay.portals.values()];
    await Promise.all(members.map((member) => member.process.stop('SIGTERM')));
    await Promise.all(members.map((member) => member.start()));
    for (const way of this.ways) {
      await this.overlay.pairState(way.portals, 'active');
      // The first connection makes the tunnel.
      await this.measure(way, 0, [0, 0.5]);
    }
  }

  async circuits() {
    return (await this.overlay.cli(['ls', 'circuits'])).map(({ transport, datapath }) => `${transport} ${datapath}`);
  }

  /** Mbit/s of so many connections together, on a tunnel that is there already. `window`: how long to wait, and to count. */
  async measure(way, loss, window, connections = 1) {
    const { sides, leg, networks } = this;
    const sink = runIn(sides.right, process.execPath, [script('bulk'), host, targetPort, connections, ...window]);
    await sink.heard('listening');
    const sources = Array.from({ length: connections }, () =>
      runIn(sides.left, leg, ['send', host, way.port, '-', 600], { quiet: true }),
    );
    // What the run before left in the tunnel gets through without losses first.
    await sink.heard('joined');
    networks.lose(loss);
    const { bytes, seconds } = await sink.heard('received');
    networks.lose(0);
    await Promise.all(sources.map((source) => source.stop()));
    await sink.exited;
    return (bytes * 8) / seconds / 1e6;
  }

  /** Short connections per second that begin one after the other, so many at once. */
  async measureStreams(way, loss, seconds) {
    const { sides, networks } = this;
    const service = runIn(sides.right, process.execPath, [script('streams'), 'serve', host, targetPort]);
    await service.heard('listening');
    networks.lose(loss);
    const args = [script('streams'), 'ask', host, way.port, streamsAtOnce, seconds];
    const { streams, seconds: lasted } = await runIn(sides.left, process.execPath, args).heard('asked');
    networks.lose(0);
    await service.stop();
    return streams / lasted;
  }

  /** Datagrams per second that arrive of so many that are sent. */
  async measureDatagrams(way, loss, window, { bytes, perSecond }) {
    const { sides, networks } = this;
    const sink = runIn(sides.right, process.execPath, [script('datagrams'), 'count', host, targetPort, ...window]);
    await sink.heard('listening');
    networks.lose(loss);
    const args = [script('datagrams'), 'send', host, way.port, bytes, perSecond];
    const source = runIn(sides.left, process.execPath, args);
    const { datagrams, seconds } = await sink.heard('received');
    networks.lose(0);
    await Promise.all([source.stop(), sink.exited]);
    return datagrams / seconds;
  }
}

function script(name) {
  return join(import.meta.dirname, `${name}.mjs`);
}
