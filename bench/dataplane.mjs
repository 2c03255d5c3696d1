// Datagrams of 1200 bytes one way over loopback, from process to process: node:dgram against the addon, at either end. In one
// run: rounds alternate, medians are compared, ratios are what counts. usage: node bench/dataplane.mjs [rounds] [seconds]
import { fork } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { keepResults } from './keep-results.mjs';
import { describeMachine, median } from './machine.mjs';

const [rounds = 5, seconds = 2] = process.argv.slice(2).map(Number);
const ways = [
  ['dgram', 'dgram'],
  ['addon', 'dgram'],
  ['dgram', 'addon'],
  ['addon', 'addon'],
];

async function freePort() {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  socket.close();
  return port;
}

async function start(...args) {
  const end = fork(join(import.meta.dirname, 'dataplane', 'end.mjs'), args.map(String));
  const [port] = await once(end, 'message');
  return { port, end };
}

async function result({ end }) {
  const answer = once(end, 'message');
  end.send('stop');
  return (await answer)[0];
}

async function measure(sending, receiving) {
  const port = await freePort();
  const sender = await start('sender', sending, port);
  const receiver = await start('receiver', receiving, sender.port, port);
  receiver.end.send('start');
  sender.end.send('start');
  await wait(seconds * 1000);
  const [sent, received] = await Promise.all([result(sender), result(receiver)]);
  return {
    sentPerSecond: sent.datagrams / seconds,
    receivedPerSecond: received.datagrams / seconds,
    // Over loopback, the sender pays for the whole way through the kernel.
    senderMicroseconds: sent.cpu / sent.datagrams,
    receiverMicroseconds: received.cpu / received.datagrams,
  };
}

const runs = [];
for (let round = 0; round < rounds; round++) {
  for (const [sender, receiver] of ways) runs.push({ sender, receiver, ...(await measure(sender, receiver)) });
}

const figures = ['sentPerSecond', 'receivedPerSecond', 'senderMicroseconds', 'receiverMicroseconds'];
const rows = ways.map(([sender, receiver]) => {
  const own = runs.filter((run) => run.sender === sender && run.receiver === receiver);
  return {
    sender,
    receiver,
    ...Object.fromEntries(figures.map((name) => [name, median(own.map((run) => run[name]))])),
  };
});

console.table(rows);
keepResults('dataplane', { machine: describeMachine([]), rounds, seconds, bytes: 1200, rows, runs });
