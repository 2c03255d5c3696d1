// How long what must be quick takes: a pair granted, a pair withdrawn in the middle of a stream, a relay killed, a tunnel built.
// usage: node bench/reaction.mjs [rounds]
import { dial, ending, exchange, freePort, Overlay, startEcho } from '@netport/test';
import { keepResults } from './keep-results.mjs';
import { describeMachine, median } from './machine.mjs';

const [rounds = 10] = process.argv.slice(2).map(Number);
const overlay = await Overlay.start({ relays: ['relay-1', 'relay-2'], portalArgs: ['--transport', 'tcp'] });
const target = await startEcho();
const times = {
  'first connection: circuit, two legs, TLS, stream': [],
  'further connection over a standing tunnel': [],
  'pair removed (API) until the stream is cut at the application': [],
  'pair removed (API) until the stream is cut at the target': [],
  'relay killed until the application is told': [],
  'relay killed until traffic runs over another relay': [],
  'QUIC: relay killed until the same connection goes on over another': [],
  'QUIC: relay frozen until the same connection goes on over another': [],
};
const add = (name, since) => times[name].push(performance.now() - since);

for (let round = 1; round <= rounds; round++) {
  process.stderr.write(`\rround ${round}/${rounds}`);
  const port = await freePort();
  const pair = `pair-${round}`;
  await overlay.addPair(pair, `a:127.0.0.1:${port}`, `b:127.0.0.1:${target.port}`);

  let started = performance.now();
  const first = await dial(port);
  await exchange(first, 'x');
  add('first connection: circuit, two legs, TLS, stream', started);

  started = performance.now();
  const second = await dial(port);
  await exchange(second, 'x');
  add('further connection over a standing tunnel', started);

  const [circuit] = (await overlay.api('GET', '/circuits')).items;
  const relay = overlay.relay(circuit.relay);
  started = performance.now();
  const told = ending(second).then(() => add('relay killed until the application is told', started));
  await relay.process.stop('SIGKILL');
  const resumed = await again(port);
  add('relay killed until traffic runs over another relay', started);
  await told;
  const restarting = relay.start();

  const atTarget = target.connections.at(-1);
  started = performance.now();
  const cuts = [
    ending(resumed).then(() => add('pair removed (API) until the stream is cut at the application', started)),
    ending(atTarget).then(() => add('pair removed (API) until the stream is cut at the target', started)),
  ];
  await overlay.api('DELETE', `/pairs/${pair}`);
  await Promise.all(cuts);
  await restarting;
}

await overQuic();

const rows = Object.entries(times).map(([what, ms]) => ({ what, median: median(ms), worst: Math.max(...ms) }));
console.log(`\nmedian and worst of ${rounds}, milliseconds; all on one machine\n`);
for (const { what, median, worst } of rows) {
  console.log(`${what.padEnd(66)}${median.toFixed(0).padStart(6)}${worst.toFixed(0).padStart(8)}`);
}
keepResults('reaction', { machine: describeMachine([]), rounds, unit: 'ms', rows });
await target.close();
process.exit(0);

/** One connection, whose relay is taken away again and again. In userspace, where circuits end with their relay's process. */
async function overQuic() {
  await overlay.stop();
  const relayArgs = ['--datapath', 'userspace'];
  const world = await Overlay.start({ relays: ['relay-1', 'relay-2'], relayArgs, portalArgs: ['--transport', 'quic'] });
  const port = await freePort();
  await world.addPair('held', `a:127.0.0.1:${port}`, `b:127.0.0.1:${target.port}`);
  // Each exchange listens for the end.
  const held = (await dial(port)).setMaxListeners(0);
  await exchange(held, 'x');
  for (let round = 1; round <= rounds; round++) {
    process.stderr.write(`\rround ${round}/${rounds} over QUIC`);
    for (const [what, signal] of [
      ['killed', 'SIGKILL'],
      ['frozen', 'SIGSTOP'],
    ]) {
      const [circuit] = await only(world);
      const { process: running } = world.relay(circuit.relay);
      const started = performance.now();
      running.signal(signal);
      await exchange(held, 'x');
      add(`QUIC: relay ${what} until the same connection goes on over another`, started);
      if (signal === 'SIGSTOP') running.signal('SIGCONT');
      else await world.relay(circuit.relay).start();
    }
  }
  await world.stop();
}

/** The one circuit, once the one that it took the place of is gone. */
async function only(world) {
  for (;;) {
    const { items } = await world.api('GET', '/circuits');
    if (items.length === 1) return items;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** An exchange over whatever works again; connections are refused or reset while nothing does. */
async function again(port) {
  for (const end = performance.now() + 30_000; performance.now() < end; ) {
    try {
      const socket = await dial(port);
      await exchange(socket, 'x');
      return socket;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
  throw new Error('traffic did not resume');
}
