import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { openUdpServer, peerOf, unavailable } from './index.js';
import { until } from './testing/pair.mjs';

const skipped = unavailable ? ` (skipped: ${unavailable})` : '';

async function client(address: string): Promise<Socket> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.bind(0, address);
  await once(socket, 'listening');
  return socket;
}

it.skipIf(unavailable).each(['127.0.0.1', '::1'])(
  `hears everybody at %s, in order, and answers each where it came from${skipped}`,
  async (address) => {
    const heard = new Map<string, string[]>();
    const server = openUdpServer({
      ...{ address, port: 0, receiveBufferBytes: 1024 * 1024 },
      onDatagrams: (datagrams, from) => heard.set(from, [...(heard.get(from) ?? []), ...datagrams.map(String)]),
    });
    const clients = await Promise.all(Array.from({ length: 5 }, () => client(address)));
    const texts = Array.from({ length: 20 }, (_, i) => `${i}`);
    for (const text of texts) for (const socket of clients) socket.send(text, server.local.port, address);
    await until(() => [...heard.values()].flat().length === clients.length * texts.length);

    expect([...heard.values()]).toEqual(clients.map(() => texts));
    const ports = [...heard.keys()].map((peer) => peerOf(peer));
    expect(ports).toEqual(expect.arrayContaining(clients.map((socket) => ({ address, port: socket.address().port }))));
    for (const [peer] of heard) {
      const socket = clients.find((one) => one.address().port === peerOf(peer).port);
      const answers = socket && once(socket, 'message');
      expect(server.send([Buffer.from(`to ${peerOf(peer).port}`)], peer)).toBe(1);
      expect(String((await answers)?.[0])).toBe(`to ${peerOf(peer).port}`);
    }
    server.close();
    expect(server.send([Buffer.from('late')], [...heard.keys()][0] ?? '')).toBe(0);
    for (const socket of clients) socket.close();
  },
);

it.skipIf(unavailable)(`leaves IPv4 to others, takes no port twice, and no name that is none${skipped}`, () => {
  const nothing = { onDatagrams: () => {} };
  const six = openUdpServer({ address: '::', port: 0, ...nothing });
  const four = openUdpServer({ address: '0.0.0.0', port: six.local.port, ...nothing });
  const again = () => openUdpServer({ address: '0.0.0.0', port: six.local.port, ...nothing });
  expect(again).toThrow(expect.objectContaining({ code: 'EADDRINUSE' }));
  for (const name of ['somebody', '\0'.repeat(27)]) {
    expect(() => four.send([Buffer.from('x')], name)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
    expect(() => peerOf(name)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  }
  six.close();
  four.close();
});
