// Datagrams in one direction, as evenly as timers allow, with as few system calls as possible: what is measured lies between.
//   datagrams.mjs count HOST PORT WARM-UP SECONDS      how many come in so many seconds, after the first and a warm-up
//   datagrams.mjs send HOST PORT BYTES PER-SECOND      until it is stopped
import { setTimeout } from 'node:timers/promises';
import { openUdpServer, openUdpSocket } from '@netport/dataplane';

const [role, host, ...numbers] = process.argv.slice(2);
const [port, one, other] = numbers.map(Number);
const say = (line) => console.log(JSON.stringify(line));
const buffer = 4 * 1024 * 1024;

if (role === 'count') {
  let count = 0;
  let start = () => {};
  const started = new Promise((resolve) => {
    start = resolve;
  });
  openUdpServer({
    ...{ address: host, port, receiveBufferBytes: buffer },
    onDatagrams: (datagrams) => {
      count += datagrams.length;
      start();
    },
  });
  say({ msg: 'listening' });
  await started;
  await setTimeout(one * 1000);
  const [before, begin] = [count, performance.now()];
  await setTimeout(other * 1000);
  say({ msg: 'received', datagrams: count - before, seconds: (performance.now() - begin) / 1000 });
  process.exit(0);
} else {
  const socket = openUdpSocket({ address: host, port, onDatagrams: () => {}, sendBufferBytes: buffer });
  const payload = Buffer.alloc(one);
  const start = performance.now();
  let sent = 0;
  setInterval(() => {
    const due = Math.floor(((performance.now() - start) / 1000) * other);
    // What a stall has left behind is not made up for.
    const burst = Math.min(due - sent, Math.ceil(other / 100));
    sent = due;
    if (burst > 0) socket.send(Array(burst).fill(payload));
  }, 1);
}
