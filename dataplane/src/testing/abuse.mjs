// Everything that must not touch memory that is not ours. Run alone, so that an addon built with -fsanitize=address can be
// tried by hand. usage: node --expose-gc src/testing/abuse.mjs [seed]; prints one line for each chapter that it got through
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { openUdpServer, openUdpSocket } from '../../dist/index.js';
import { freePort, openPair, until } from './pair.mjs';

let state = Number(process.argv[2] ?? 1);
/** An integer below `limit` (mulberry32). */
function random(limit) {
  state = (state + 0x6d2b79f5) | 0;
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
}
const chapter = (name) => console.log(name);
const turn = () => new Promise((resolve) => setImmediate(resolve));
const nothing = { onDatagrams: () => {} };

// Sizes of all kinds, many at once; what arrives is whole, whatever is lost.
{
  let came = 0;
  const check = (datagrams) => {
    for (const bytes of datagrams) {
      came++;
      assert(bytes.every((byte) => byte === bytes.length % 251));
    }
  };
  const [one, other] = await openPair({ onDatagrams: check }, { onDatagrams: check });
  for (let round = 0; round < 300; round++) {
    const size = [0, 1, 20, 1200, 1350, 9000, 65_507, 65_508, 70_000][random(9)];
    const datagrams = Array.from({ length: random(size > 9000 ? 5 : 400) }, () => {
      const own = random(5) === 0 ? random(size + 1) : size;
      // Small ones live in V8's heap.
      return new Uint8Array(own).fill(own % 251);
    });
    (round % 2 ? one : other).send(datagrams, random(10) ? undefined : datagrams.length >> 1);
    if (random(3) === 0) await turn();
  }
  await until(() => came > 1000);
  one.close();
  other.close();
  chapter('sizes');
}

// What is no datagram, and arrays that do something while they are read.
{
  const [one, other] = await openPair(nothing, nothing);
  for (const wrong of [[1], [undefined], ['text'], [new Uint16Array(4)], [new DataView(new ArrayBuffer(8))], [{}]]) {
    assert.throws(() => one.send(wrong));
    assert.throws(() => one.send([new Uint8Array(5), ...wrong]));
  }
  for (const wrong of [undefined, null, 5, 'text']) assert.throws(() => one.send(wrong, 3));
  for (const wrong of [-1, 0.5, Number.NaN, 2 ** 32, 'x']) assert.throws(() => one.send([new Uint8Array(5)], wrong));
  assert.throws(() => one.send([new Uint8Array(5)], 2));

  const bytes = new Uint8Array(60_000).fill(1);
  const detaching = [bytes, bytes, bytes];
  Object.defineProperty(detaching, 2, {
    get: () => {
      structuredClone(bytes, { transfer: [bytes.buffer] });
      globalThis.gc?.();
      return bytes;
    },
  });
  one.send(detaching);
  const fleeting = new Proxy([], { get: () => new Uint8Array(1200) });
  one.send(fleeting, 500);
  const closing = Array.from({ length: 300 }, () => new Uint8Array(100));
  Object.defineProperty(closing, 200, {
    get: () => {
      one.close();
      return new Uint8Array(100);
    },
  });
  one.send(closing);
  assert.equal(one.send(closing), 0);
  other.close();
  chapter('arrays');
}

// A receiver that gives the lent memory away, throws, closes, opens others.
{
  let came = 0;
  let thrown = 0;
  const onError = () => thrown++;
  process.on('uncaughtException', onError);
  const [one, other] = await openPair(nothing, {
    onDatagrams: ([first]) => {
      came++;
      if (came === 1) structuredClone(first, { transfer: [first.buffer] });
      if (came === 2) throw new Error('thrown on purpose');
      if (came === 3) openUdpSocket({ address: '::1', port: 9, ...nothing }).close();
      if (came === 4) other.close();
      globalThis.gc?.();
    },
  });
  for (let number = 1; number <= 4; number++) {
    one.send([new Uint8Array(1200), new Uint8Array(1200)]);
    await until(() => came === number);
    await turn();
  }
  assert.equal(thrown, 1);
  process.off('uncaughtException', onError);
  one.send([new Uint8Array(1)]);
  one.close();
  chapter('callbacks');
}

// Nothing is left of sockets that were closed.
{
  const open = () => readdirSync('/proc/self/fd').length;
  const port = await freePort();
  const before = open();
  for (let i = 0; i < 500; i++) {
    const socket = openUdpSocket({ address: '127.0.0.1', port, ...nothing });
    socket.send([new Uint8Array(1200)]);
    if (i % 3) await turn();
    socket.close();
    if (i % 50 === 0) globalThis.gc?.();
  }
  await turn();
  assert.equal(open(), before);
  chapter('descriptors');
}

// Servers that answer many, are closed in the middle of it, and are asked to send to nobody.
for (const address of ['127.0.0.1', '::1']) {
  let heard = 0;
  const answer = (datagrams, from) => {
    heard += datagrams.length;
    server.send(datagrams, from);
    for (const wrong of ['x', `${from}x`, from.slice(1)]) assert.throws(() => server.send(datagrams, wrong));
    // Of an address family that is none, so that nobody gets it.
    server.send(datagrams, String.fromCharCode(255, ...Array.from({ length: from.length - 1 }, () => random(256))));
    if (heard > 2000) server.close();
  };
  const server = openUdpServer({ address, port: 0, onDatagrams: answer });
  const clients = Array.from({ length: 4 }, () => openUdpSocket({ address, port: server.local.port, ...nothing }));
  await until(() => {
    const size = random(1400);
    for (const client of clients) client.send(Array.from({ length: random(100) }, () => new Uint8Array(size)));
    return heard > 2000;
  });
  for (const client of clients) client.close();
}
chapter('servers');

// Threads that end in the middle of it, with sockets open.
{
  const program = `
    const { parentPort } = require('node:worker_threads');
    import(${JSON.stringify(new URL('./pair.mjs', import.meta.url).href)}).then(async ({ openPair }) => {
      const sockets = await openPair({ onDatagrams: () => {} }, { onDatagrams: () => parentPort.postMessage('heard') });
      setInterval(() => sockets[0].send(Array.from({ length: 50 }, () => new Uint8Array(1200))), 0);
    });`;
  for (let i = 0; i < 6; i++) {
    const workers = [0, 1].map(() => new Worker(program, { eval: true }));
    await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('message', resolve))));
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  chapter('threads');
}

// The process ends with a socket open.
openUdpSocket({ address: '127.0.0.1', port: 9, ...nothing });
chapter('exit');
process.exit();
