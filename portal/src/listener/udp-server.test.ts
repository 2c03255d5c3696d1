import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { unavailable } from '@netport/dataplane';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../testing/sockets.js';
import { serveBatched, serveSingly, type UdpServer } from './udp-server.js';

const opened: { close(): unknown }[] = [];
afterEach(() => {
  for (const socket of opened.splice(0)) socket.close();
});

const addon = `the addon${unavailable ? ` (skipped: ${unavailable})` : ''}`;
const ways = [
  { name: addon, serve: serveBatched, lack: unavailable },
  { name: 'node:dgram', serve: serveSingly, lack: undefined },
];

describe.each(ways)('a UDP port over $name', ({ serve, lack }) => {
  it.skipIf(lack).each(['127.0.0.1', '::1'])('answers whom it hears at %s, and says who that is', async (address) => {
    const probe = createSocket(address === '::1' ? 'udp6' : 'udp4').bind(0, address);
    await once(probe, 'listening');
    const { port } = probe.address();
    probe.close();
    await once(probe, 'close');

    const heard: { from: string; text: string }[] = [];
    const server: UdpServer = await serve({
      ...{ address, port, onError: () => {} },
      onDatagrams: (datagrams, from) => heard.push(...datagrams.map((bytes) => ({ from, text: String(bytes) }))),
    });
    opened.push(server);
    await expect(serve({ address, port, onError: () => {}, onDatagrams: () => {} })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });

    const client = createSocket(address === '::1' ? 'udp6' : 'udp4');
    opened.push(client);
    client.connect(port, address);
    await once(client, 'connect');
    const answers: string[] = [];
    client.on('message', (bytes) => answers.push(String(bytes)));
    for (const text of ['one', 'two', 'three']) client.send(text);
    await until(() => heard.length === 3);
    expect(heard.map(({ text }) => text)).toEqual(['one', 'two', 'three']);
    const [from = ''] = new Set(heard.map((one) => one.from));
    const own = client.address();
    expect(server.describe(from)).toBe(address === '::1' ? `[::1]:${own.port}` : `${address}:${own.port}`);
    expect(server.send([Buffer.from('four'), Buffer.from('five')], from)).toBe(2);
    await until(() => answers.length === 2);
    expect(answers).toEqual(['four', 'five']);
  });
});
