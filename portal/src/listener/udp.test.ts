import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { networkInterfaces } from 'node:os';
import { afterEach, expect, it } from 'vitest';
import { noDrops } from '../datagram-end.js';
import { until } from '../testing/sockets.js';
import { addressesToBind } from './local-addresses.js';
import { UdpListener } from './udp.js';

const cleanup: (() => void)[] = [];
afterEach(() => {
  for (const clean of cleanup.splice(0)) clean();
});

/** A listener that sends everything back. */
async function echoAt(host: string, port: number, idle = 60_000): Promise<UdpListener> {
  const listener = await UdpListener.open({ host, port }, `${host}:${port}`, {
    ...{ idle, most: 10, drops: noDrops(), now: () => performance.now() },
    onClient: (client) => {
      client.onDatagram = (datagram) => client.send(datagram);
    },
  });
  cleanup.push(() => listener.close());
  return listener;
}

async function bound(host: string): Promise<Socket> {
  const socket = createSocket('udp4');
  socket.bind(0, host);
  await once(socket, 'listening');
  return socket;
}

async function freePort(): Promise<number> {
  const socket = await bound('127.0.0.1');
  const { port } = socket.address();
  socket.close();
  await once(socket, 'close');
  return port;
}

/** Asks from a socket that hears answers from exactly there. */
async function ask(host: string, port: number, text: string): Promise<string> {
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  cleanup.push(() => socket.close());
  socket.connect(port, host);
  await once(socket, 'connect');
  socket.send(text);
  const [answer] = await once(socket, 'message');
  return String(answer);
}

it.each(['127.0.0.1', '::1', 'localhost'])('answers on %s', async (host) => {
  const port = await freePort();
  await echoAt(host, port);
  expect(await ask(host === 'localhost' ? '127.0.0.1' : host, port, 'hello')).toBe('hello');
});

it('answers from every address of this machine, asked on a wildcard', async () => {
  const port = await freePort();
  await echoAt('::', port);
  const addresses = addressesToBind('::', networkInterfaces());
  expect(addresses).toContain('127.0.0.1');
  expect(await Promise.all(addresses.map((address) => ask(address, port, address)))).toEqual(addresses);
});

it('forgets clients by its own clock', async () => {
  const port = await freePort();
  const { connections } = await echoAt('127.0.0.1', port, 40);
  await ask('127.0.0.1', port, 'hello');
  await until(() => connections.size === 0);
});

it('leaves nothing open where one of its addresses is taken', async () => {
  const blocker = await bound('127.0.0.1');
  const { port } = blocker.address();
  await expect(echoAt('0.0.0.0', port)).rejects.toMatchObject({ code: 'address_in_use' });
  blocker.close();
  await once(blocker, 'close');
  await echoAt('0.0.0.0', port);
  expect(await ask('127.0.0.1', port, 'now')).toBe('now');
});
