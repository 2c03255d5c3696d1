// One relay between two namespaces: kernel forwarding, our userspace relay, our XDP, promoted TCP, haproxy with splice. In
// one run: rounds alternate, medians are compared, ratios are what counts. usage: node bench/relay.mjs [rounds] [seconds]
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildProgram, mountBpf } from '@netport/test';
import { keepResults } from './keep-results.mjs';
import { describeMachine, median } from './machine.mjs';
import { makeNetworks, setOffloads } from './relay/networks.mjs';
import { busyMicroseconds, runIn } from './relay/programs.mjs';
import { tcpTable, udpTable } from './relay/tables.mjs';
import { forwarding, haproxy, netport } from './relay/ways.mjs';

const [rounds = 3, seconds = 2] = process.argv.slice(2).map(Number);
const sizes = [64, 1400];
/** A paced run takes this share of what came through at full rate: below saturation, nothing may be lost. */
const pacedShare = 0.5;

const machine = describeMachine([
  ['cc', '--version'],
  ['haproxy', '-v'],
  ['ethtool', '--version'],
  ['ip', '-V'],
]);
const missing = Object.entries(machine.tools).filter(([, version]) => version === 'missing');
if (process.getuid() !== 0 || missing.length > 0) {
  const lacking = missing.map(([name]) => name).join(', ') || 'root';
  console.error(`missing: ${lacking}; run as root, after apt-get install gcc libc6-dev haproxy ethtool iproute2`);
  process.exit(1);
}

const directory = mkdtempSync(join(tmpdir(), 'netport-bench-'));
const networks = makeNetworks();
const programs = { udp: buildProgram('udp-leg', directory), tcp: buildProgram('tcp-leg', directory) };
const pins = mountBpf();

const ours = { userspace: await netport(networks, ['--datapath', 'userspace']) };
// Not `xdp`, which takes the interface before there is a UDP circuit, and segmentation offload with it on veth.
const interfaces = ['--interface', 'left,right', '--pin-directory', pins.path];
const automatic = await netport(networks, ['--datapath', 'auto', ...interfaces]);
ours.kernel = automatic;
const kernel = automatic.datapath === 'xdp' ? automatic : undefined;
if (!kernel) console.error(`without the kernel datapath: ${automatic.reason}`);

const udpWays = {
  'kernel forwarding': forwarding(),
  'Netport, userspace': ours.userspace,
  ...(kernel && { 'Netport, XDP': kernel }),
};
const tcpWays = {
  'kernel forwarding': forwarding(),
  'haproxy, splice': haproxy(networks, directory),
  'Netport, userspace': ours.userspace,
  ...(kernel && { 'Netport, promoted': kernel }),
};

// Full rate first: what came through decides the rate of the paced runs.
setOffloads(networks, 'wire');
const udp = [];
await inTurn(udpWays, async (way, name) => {
  for (const size of sizes) udp.push({ way: name, size, rate: 'full', ...(await measureUdp(way, size, 0)) });
});
await inTurn(udpWays, async (way, name) => {
  for (const size of sizes) {
    const through = udp.filter((run) => run.way === name && run.size === size && run.rate === 'full');
    const perSecond = Math.round(median(through.map(({ kpps }) => kpps)) * 1000 * pacedShare);
    udp.push({ way: name, size, rate: 'paced', perSecond, ...(await measureUdp(way, size, perSecond)) });
  }
});
const tcp = [];
for (const offloads of ['veth', 'wire']) {
  setOffloads(networks, offloads);
  await inTurn(tcpWays, async (way, name) => tcp.push({ way: name, offloads, ...(await measureTcp(way)) }));
}

const text = `${udpTable(udp, rounds, seconds)}\n${tcpTable(tcp, rounds, seconds)}`;
console.log(text);
keepResults('relay', { machine, rounds, seconds, udp, tcp }, text);

for (const way of Object.values(ours)) await way.end();
pins.remove();
networks.remove();
rmSync(directory, { recursive: true, force: true });
const losing = udp.filter(({ way, rate, lost }) => way === 'Netport, XDP' && rate === 'paced' && lost > 0);
if (losing.length > 0) console.error(`XDP lost packets below saturation: ${JSON.stringify(losing)}`);
process.exit(losing.length > 0 ? 1 : 0);

async function inTurn(ways, measure) {
  for (let round = 1; round <= rounds; round++) {
    for (const [name, way] of Object.entries(ways)) {
      process.stderr.write(`\rround ${round}/${rounds}  ${name}`.padEnd(60));
      await way.start();
      await measure(way, name);
      await way.stop();
    }
  }
  process.stderr.write('\r'.padEnd(60));
}

async function measureUdp(way, size, perSecond) {
  const { sender, receiver, close } = await way.open('udp');
  const sink = runIn(networks.right, programs.udp, ['receive', receiver.host, receiver.port, receiver.hello]);
  await sink.heard(receiver.listens ? 'joined' : 'binding');
  const target = [sender.host, sender.port, sender.hello];
  const source = runIn(networks.left, programs.udp, ['send', ...target, size, seconds, perSecond]);
  await source.heard('sending');
  const before = busyMicroseconds();
  const sent = await source.heard('sent');
  const busy = busyMicroseconds() - before;
  const received = await sink.heard('received');
  const datapath = await joinedBy(way);
  await close();
  return {
    kpps: received.packets / received.seconds / 1000,
    offeredKpps: sent.packets / sent.seconds / 1000,
    gigabits: (received.bytes * 8) / received.seconds / 1e9,
    sent: sent.packets,
    lost: sent.packets - received.packets,
    microsecondsPerPacket: busy / received.packets,
    ...(datapath && { datapath }),
  };
}

async function measureTcp(way) {
  const { sender, receiver, close } = await way.open('tcp');
  const role = receiver.listens ? 'listen' : 'receive';
  const sink = runIn(networks.right, programs.tcp, [role, receiver.host, receiver.port, receiver.hello]);
  await sink.heard('binding');
  const source = runIn(networks.left, programs.tcp, ['send', sender.host, sender.port, sender.hello, seconds]);
  await source.heard('sending');
  const before = busyMicroseconds();
  await source.heard('sent');
  const busy = busyMicroseconds() - before;
  const datapath = await joinedBy(way);
  source.finish();
  const received = await sink.heard('received');
  await close();
  return {
    gigabits: (received.bytes * 8) / received.seconds / 1e9,
    cpuSecondsPerGigabyte: (busy / received.bytes) * 1000,
    ...(datapath && { datapath }),
  };
}

/** Of the circuit that was measured: a kernel that declined it must not pass for one that took it. */
async function joinedBy(way) {
  const joined = (await way.circuits?.())?.filter(({ state }) => state === 'joined') ?? [];
  return joined.at(-1)?.datapath;
}
