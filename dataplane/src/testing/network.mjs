// What a path does to a sender, in a network of its own: run as `unshare --net node src/testing/network.mjs narrow | full`.
// Prints what came of it as JSON.
import { execFileSync } from 'node:child_process';
import { openPair, until } from './pair.mjs';

const run = (command) => execFileSync('sh', ['-ec', command]);

async function carry(address, sizes) {
  const errors = [];
  const received = [];
  const [one, other] = await openPair(
    { onDatagrams: () => {}, onError: ({ code }) => errors.push(code) },
    { onDatagrams: (datagrams) => received.push(...datagrams.map(({ length }) => length)) },
    address,
  );
  const taken = one.send(sizes.map((size) => new Uint8Array(size)));
  await until(() => received.length === sizes.length);
  // The path is known by now.
  const again = one.send(sizes.map((size) => new Uint8Array(size)));
  await until(() => received.length === 2 * sizes.length);
  one.close();
  other.close();
  return { taken, again, received, errors };
}

/** Runs of datagrams that fit, and of ones that have to be fragmented, which segmentation refuses. */
async function narrow() {
  run('ip link set lo up mtu 1280');
  const sizes = [...Array(10).fill(1200), ...Array(10).fill(1350), ...Array(10).fill(1000), 5];
  return { sizes, v4: await carry('127.0.0.1', sizes), v6: await carry('::1', sizes) };
}

/** More than the send buffer holds: the kernel says so, and what it took arrives. */
async function full() {
  run('ip link set lo up mtu 1500; tc qdisc add dev lo root tbf rate 4mbit burst 3k limit 10m');
  let received = 0;
  const onDatagrams = (datagrams) => {
    received += datagrams.length;
  };
  const [one, other] = await openPair({ onDatagrams, sendBufferBytes: 50_000 }, { onDatagrams });
  const datagrams = Array.from({ length: 1000 }, () => new Uint8Array(1200));
  const first = one.send(datagrams);
  const second = one.send(datagrams.slice(first));
  await until(() => received === first + second);
  const third = one.send(datagrams.slice(0, 5));
  await until(() => received === first + second + 5);
  one.close();
  other.close();
  return { first, second, third };
}

console.log(JSON.stringify(await { narrow, full }[process.argv[2]]()));
