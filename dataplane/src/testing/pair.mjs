import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { openUdpSocket } from '../../dist/index.js';

/** A port of the system's choice where nobody is. */
export async function freePort(address = '127.0.0.1') {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4').bind(0, address);
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

/** Two sockets that are connected to each other. */
export async function openPair(near, far, address = '127.0.0.1') {
  const port = await freePort(address);
  const one = openUdpSocket({ address, port, ...near });
  return [one, openUdpSocket({ address, port: one.local.port, localPort: port, ...far })];
}

/** Waits until `condition` gives something true. */
export async function until(condition) {
  const deadline = Date.now() + 20_000;
  for (;;) {
    const value = condition();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`never true: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
