import { limits } from '@netport/protocol';
import { beforeEach, expect, it } from 'vitest';
import { type DatagramClient, noDrops } from '../datagram-end.js';
import { PseudoConnections } from './pseudo-connections.js';

let now: number;
let clients: DatagramClient[];
let replies: string[];
let drops: ReturnType<typeof noDrops>;
let connections: PseudoConnections;

beforeEach(() => {
  now = 0;
  clients = [];
  replies = [];
  drops = noDrops();
  connections = new PseudoConnections({
    ...{ idle: 100, most: 3, drops, now: () => now },
    onClient: (client) => clients.push(client),
  });
});

const say = (source: string, text = 'x'): void =>
  connections.receive(
    { key: source, source, reply: (datagram) => replies.push(`${source} ${Buffer.from(datagram)}`) },
    Buffer.from(text),
  );
/** Opens the flow of the nth client; what it said is collected. */
const open = (n: number): string[] => {
  const heard: string[] = [];
  const client = clients[n];
  if (client) client.onDatagram = (datagram) => heard.push(Buffer.from(datagram).toString());
  return heard;
};
const at = (time: number): void => {
  now = time;
  connections.sweep();
};

it('takes each source for a client of its own, and answers each where it came from', () => {
  say('one');
  say('two');
  say('one');
  expect(clients.map(({ source }) => source)).toEqual(['one', 'two']);
  for (const client of clients) client.send(Buffer.from('answer'));
  expect(replies).toEqual(['one answer', 'two answer']);
});

it('keeps what comes before the flow is open, in order', () => {
  for (const text of ['a', 'b', 'c']) say('one', text);
  const heard = open(0);
  say('one', 'd');
  expect(heard).toEqual(['a', 'b', 'c', 'd']);
  expect(drops.waiting).toBe(0);
});

it('keeps no more than so many, and no more than so many bytes', () => {
  for (let i = 0; i < limits.flowWaitingDatagrams + 5; i += 1) say('one', 'x');
  expect(drops.waiting).toBe(5);
  const large = 'x'.repeat(60_000);
  const fit = Math.floor(limits.flowWaitingBytes / large.length);
  for (let i = 0; i < fit + 3; i += 1) say('two', large);
  expect(drops.waiting).toBe(5 + 3);
  expect(open(1)).toHaveLength(fit);
});

it.each(['from the client', 'to the client'])('lives on with datagrams %s', async (way) => {
  say('one');
  open(0);
  for (let time = 60; time <= 600; time += 60) {
    at(time);
    if (way === 'from the client') say('one');
    else clients[0]?.send(Buffer.from('tick'));
  }
  expect(clients).toHaveLength(1);
  expect(connections.size).toBe(1);
  at(700);
  expect(connections.size).toBe(0);
  await clients[0]?.closed;
});

it('takes a source that comes back after its time for a new client, swept or not', () => {
  say('one');
  now = 100;
  say('one');
  expect(clients).toHaveLength(2);
  expect(connections.size).toBe(1);
});

it('closes the one that has been idle longest when there is no room', async () => {
  for (const [i, source] of ['one', 'two', 'three'].entries()) {
    now = i;
    say(source);
  }
  now = 10;
  say('one');
  say('four');
  await clients[1]?.closed;
  expect(connections.size).toBe(3);
  expect(drops.evicted).toBe(1);
  say('one');
  expect(clients).toHaveLength(4);
});

it('ignores a refused client for a moment, however much it sends, and lets it ask again', async () => {
  say('one');
  clients[0]?.refuse();
  await clients[0]?.closed;
  for (let i = 0; i < 1000; i += 1) say('one');
  expect(clients).toHaveLength(1);
  expect(drops.refused).toBe(1001);
  clients[0]?.send(Buffer.from('late'));
  expect(replies).toEqual([]);
  now = limits.flowRefusalHold;
  say('one');
  expect(clients).toHaveLength(2);
});

it('can refuse at once', () => {
  connections = new PseudoConnections({
    ...{ idle: 100, most: 3, drops, now: () => now },
    onClient: (client) => client.refuse(),
  });
  say('one');
  expect(drops.refused).toBe(1);
});

it('ends every client with the listener', async () => {
  say('one');
  say('two');
  connections.close();
  await Promise.all(clients.map(({ closed }) => closed));
  expect(connections.size).toBe(0);
});
