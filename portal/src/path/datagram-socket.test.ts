import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { unavailable } from '@netport/dataplane';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../testing/sockets.js';
import { openBatched, openSingly, type UdpSocket, type UdpSocketOptions } from './datagram-socket.js';

type Open = (options: UdpSocketOptions) => Promise<UdpSocket>;
type Family = { name: string; type: 'udp4' | 'udp6'; address: string };
interface Receiving extends UdpSocket {
  received: Buffer[];
  errors: (string | undefined)[];
}

const addon = `the addon${unavailable ? ` (skipped: ${unavailable})` : ''}`;
const families: Family[] = [
  { name: 'IPv4', type: 'udp4', address: '127.0.0.1' },
  { name: 'IPv6', type: 'udp6', address: '::1' },
];
const largest = 65_507;

const opened: UdpSocket[] = [];
afterEach(() => {
  for (const socket of opened.splice(0)) socket.close();
});

async function open(how: Open, address: string, port: number, localPort?: number): Promise<Receiving> {
  const received: Buffer[] = [];
  const errors: (string | undefined)[] = [];
  const socket = await how({
    address,
    port,
    ...(localPort !== undefined && { localPort }),
    // They are lent.
    onDatagrams: (datagrams) => received.push(...datagrams.map((bytes) => Buffer.from(bytes))),
    onError: ({ code }) => errors.push(code),
    receiveBufferBytes: 4 * 1024 * 1024,
    sendBufferBytes: 4 * 1024 * 1024,
  });
  opened.push(socket);
  return Object.assign(socket, { received, errors });
}

/** A port where nobody is. */
async function freePort({ type, address }: Family): Promise<number> {
  const socket = createSocket(type).bind(0, address);
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

/** Two sockets that are connected to each other. */
async function pair(family: Family, near: Open, far: Open): Promise<[Receiving, Receiving]> {
  const port = await freePort(family);
  const one = await open(near, family.address, port);
  return [one, await open(far, family.address, one.local.port, port)];
}

/** `size` bytes that only this number gives. */
function patterned(size: number, number: number): Buffer {
  const bytes = Buffer.alloc(size);
  for (let i = 0; i < size; i++) bytes[i] = (i * 31 + number * 7 + (i >> 8)) & 255;
  return bytes;
}

/** Sends these at once; they arrive as they are, in order. */
async function expectCarried(from: Receiving, to: Receiving, sizes: number[]): Promise<void> {
  const datagrams = sizes.map(patterned);
  expect(from.send(datagrams)).toBe(sizes.length);
  await until(() => to.received.length >= sizes.length);
  const received = to.received.splice(0);
  expect(received.map(({ length }) => length)).toEqual(sizes);
  for (const [i, bytes] of received.entries()) expect(bytes.equals(datagrams[i] ?? Buffer.alloc(0)), `${i}`).toBe(true);
  expect([...from.errors, ...to.errors]).toEqual([]);
}

const ways: [string, Open, Open][] = [
  ['node:dgram to node:dgram', openSingly, openSingly],
  [`node:dgram to ${addon}`, openSingly, openBatched],
  [`${addon} to node:dgram`, openBatched, openSingly],
  [`${addon} to ${addon}`, openBatched, openBatched],
];

describe.each(families)('over $name', (family) => {
  describe.each(ways)('%s', (name, near, far) => {
    const test = it.skipIf(unavailable !== undefined && name.includes(addon));

    test.each([
      ['of every size', [0, 1, 2, 63, 64, 1199, 1200, 1201, 1350, 9000, 32_768, largest - 1, largest]],
      ['of one size', Array.from({ length: 64 }, () => 1200)],
      ['of one size, the last of which is shorter', [...Array.from({ length: 40 }, () => 1200), 7]],
      ['of one size, the last of which is longer', [...Array.from({ length: 40 }, () => 1200), 1201]],
      ['that alternate', Array.from({ length: 64 }, (_, i) => (i % 2 ? 1350 : 40))],
      ['that shrink, with empty ones between', [900, 900, 0, 900, 800, 800, 0, 0, 700, 1, 1, 1, 0]],
      ['in more runs than one message holds', Array.from({ length: 200 }, () => 20)],
      ['in runs of more bytes than one message holds', Array.from({ length: 15 }, () => 20_000)],
    ])('carries datagrams %s', async (_what, sizes) => {
      const [one, other] = await pair(family, near, far);
      for (const size of new Set(sizes)) await expectCarried(one, other, [size]);
      // A receive buffer as the system grants it holds this much for sure.
      for (let i = 0; i < sizes.length; i += 50) {
        const burst = sizes.slice(i, i + 50);
        if (burst.reduce((sum, size) => sum + size, 0) < 70_000) await expectCarried(one, other, burst);
      }
      await expectCarried(other, one, [5, 5]);
    });

    test('loses what is too large, and nothing else', async () => {
      const [one, other] = await pair(family, near, far);
      const tooLarge = patterned(largest + 21, 0);
      expect(one.send([patterned(3, 0), tooLarge, tooLarge, patterned(4, 1)])).toBe(4);
      await until(() => other.received.length === 2);
      expect(other.received.splice(0).map(({ length }) => length)).toEqual([3, 4]);
      // node:dgram tells nobody who has no callback for each.
      if (near === openBatched) expect(one.errors).toEqual(['EMSGSIZE']);
      one.errors.length = 0;
      await expectCarried(one, other, [1200, 1200, 1200]);
    });

    test('goes on after nobody was there', async () => {
      const port = await freePort(family);
      const one = await open(near, family.address, port);
      one.send([patterned(10, 0)]);
      await until(() => one.errors.length > 0);
      expect(one.errors).toEqual(['ECONNREFUSED']);
      one.errors.length = 0;
      const other = await open(far, family.address, one.local.port, port);
      await expectCarried(one, other, [1200, 1200, 1200]);
      await expectCarried(other, one, [1200, 1200, 1200]);
    });

    test('sends the first of them, and nothing once it is closed', async () => {
      const [one, other] = await pair(family, near, far);
      expect(one.send([patterned(1, 0), patterned(2, 1), patterned(3, 2)], 2)).toBe(2);
      expect(one.send([])).toBe(0);
      await until(() => other.received.splice(0).length === 2);
      one.close();
      one.close();
      expect(one.send([patterned(1, 0)])).toBe(0);
      await expectCarried(other, await open(near, family.address, other.local.port, one.local.port), [9]);
    });
  });
});

describe.each([
  ['node:dgram', openSingly],
  [addon, openBatched],
] as const)('%s', (name, how) => {
  const test = it.skipIf(unavailable !== undefined && name.includes(addon));

  test('takes a sender’s memory only until it returns', async () => {
    const [one, other] = await pair(families[0] as Family, how, openSingly);
    const memory = Buffer.from('as it was');
    one.send([memory, memory]);
    memory.fill(0);
    await until(() => other.received.length === 2);
    expect(other.received.map(String)).toEqual(['as it was', 'as it was']);
  });

  test('is closed by its own callback', async () => {
    const family = families[0] as Family;
    const sender = createSocket('udp4').bind(0, family.address);
    await once(sender, 'listening');
    let came = 0;
    const socket = await how({
      address: family.address,
      port: sender.address().port,
      onDatagrams: () => {
        came++;
        socket.close();
      },
    });
    const { port } = socket.local;
    for (let i = 0; i < 300; i++) sender.send('x', port, family.address);
    await until(() => came > 0);
    // Whoever has the port now hears nothing of it.
    const next = await open(how, family.address, sender.address().port, port);
    await until(() => {
      sender.send('next', port, family.address);
      return next.received.map(String).includes('next');
    });
    expect(came).toBe(1);
    sender.close();
  });

  test('refuses a port that is taken, and one that is none', async () => {
    const family = families[0] as Family;
    const [one] = await pair(family, openSingly, openSingly);
    const refused = (to: Partial<UdpSocketOptions>) =>
      Promise.resolve().then(() => how({ address: family.address, port: 9, onDatagrams: () => {}, ...to }));
    await expect(refused({ localPort: one.local.port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await expect(refused({ port: 65_536 })).rejects.toThrow();
  });
});
