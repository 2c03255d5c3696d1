// One end of a stream of datagrams, as a process of its own: told what to do by its parent (see ../dataplane.mjs).
import { openBatched, openSingly } from '../../portal/dist/path/datagram-socket.js';

const [role, way, port, localPort] = process.argv.slice(2);
const bufferBytes = 4 * 1024 * 1024;
const batch = Array.from({ length: 64 }, () => new Uint8Array(1200).fill(7));

let datagrams = 0;
const socket = await { addon: openBatched, dgram: openSingly }[way]({
  address: '127.0.0.1',
  port: Number(port),
  ...(localPort && { localPort: Number(localPort) }),
  onDatagrams: (came) => {
    datagrams += came.length;
  },
  receiveBufferBytes: bufferBytes,
  sendBufferBytes: bufferBytes,
});

/** Counts from here. */
let started = process.cpuUsage();
let running = false;
function send() {
  if (!running) return;
  datagrams += socket.send(batch);
  setImmediate(send);
}

process.on('message', (message) => {
  if (message === 'start') {
    datagrams = 0;
    started = process.cpuUsage();
    running = true;
    if (role === 'sender') send();
    return;
  }
  running = false;
  const { user, system } = process.cpuUsage(started);
  process.send({ datagrams, cpu: user + system }, () => process.exit());
});
process.send(socket.local.port);
