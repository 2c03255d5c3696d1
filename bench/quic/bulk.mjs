// Counts what comes over so many connections together, for so many seconds after a warm-up.
//   bulk.mjs HOST PORT CONNECTIONS WARM-UP SECONDS
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout } from 'node:timers/promises';

const [host, ...numbers] = process.argv.slice(2);
const [port, connections, warmUp, seconds] = numbers.map(Number);
const say = (line) => console.log(JSON.stringify(line));

let bytes = 0;
const server = createServer((socket) =>
  socket
    .on('error', () => {})
    .on('data', (chunk) => {
      bytes += chunk.length;
    }),
);
server.listen(port, host, () => say({ msg: 'listening' }));
const sockets = [];
while (sockets.length < connections) {
  const [socket] = await once(server, 'connection');
  sockets.push(socket);
}
say({ msg: 'joined' });
await setTimeout(warmUp * 1000);
const [before, start] = [bytes, performance.now()];
await setTimeout(seconds * 1000);
say({ msg: 'received', bytes: bytes - before, seconds: (performance.now() - start) / 1000 });
process.exit(0);
