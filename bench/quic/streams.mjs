// Connections that carry one byte there and back.
//   streams.mjs serve HOST PORT                        until it is stopped
//   streams.mjs ask HOST PORT AT-ONCE SECONDS          says how many there were
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

const [role, host, port, atOnce, seconds] = process.argv.slice(2);
const say = (line) => console.log(JSON.stringify(line));

if (role === 'serve') {
  const server = createServer({ allowHalfOpen: true }, (socket) => socket.on('error', () => {}).pipe(socket));
  server.listen(Number(port), host, () => say({ msg: 'listening' }));
} else {
  const start = performance.now();
  let streams = 0;
  const passed = () => (performance.now() - start) / 1000;
  const askInTurn = async () => {
    for (; passed() < Number(seconds); streams++) {
      const socket = connect(Number(port), host);
      socket.end('x').resume();
      await once(socket, 'close');
      if (socket.bytesRead !== 1) throw new Error(`${socket.bytesRead} bytes came back`);
    }
  };
  await Promise.all(Array.from({ length: Number(atOnce) }, askInTurn));
  say({ msg: 'asked', streams, seconds: passed() });
}
