import { connect, type Socket } from 'node:net';
import { limits } from '@netport/protocol';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { serveMetrics } from './metrics.js';

let metrics: Awaited<ReturnType<typeof serveMetrics>>;
beforeAll(async () => {
  metrics = await serveMetrics({
    address: '127.0.0.1:0',
    registry: new Registry(),
    ready: () => {},
    patience: { head: 200, request: 400, idle: 600 },
  });
});
afterAll(() => metrics.close());

/** What comes until the other end has enough. */
async function ask(text: string, then?: string): Promise<string> {
  const { hostname, port } = new URL(metrics.url);
  const socket: Socket = connect(Number(port), hostname).on('error', () => {});
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  socket.write(text);
  const timer = setInterval(() => then && socket.writable && socket.write(then), 20);
  await new Promise((resolve) => socket.once('close', resolve));
  clearInterval(timer);
  return answer;
}

const headers = Array.from({ length: 10_000 }, (_, i) => `x-${i}: ${i}\r\n`).join('');

it.each([
  ['says nothing', '', undefined, /^HTTP\/1.1 408/],
  ['sends header fields byte by byte', 'GET /metrics HTTP/1.1\r\nx: ', 'x', /^HTTP\/1.1 408/],
  [
    'sends a body without end',
    'POST /metrics HTTP/1.1\r\nhost: x\r\ncontent-length: 9999\r\n\r\n',
    'x',
    /408 Request Timeout/,
  ],
  ['sends 10,000 header fields', `GET /metrics HTTP/1.1\r\n${headers}\r\n`, undefined, /^HTTP\/1.1 431/],
  ['asks for a path of 100 kB', `GET /${'x'.repeat(100_000)} HTTP/1.1\r\n\r\n`, undefined, /^HTTP\/1.1 431/],
])('who %s at a metrics port is cut', async (_what, text, then, answer) => {
  expect(await ask(text, then)).toMatch(answer);
  expect((await fetch(metrics.url)).status).toBe(200);
});

it('a metrics port has so many connections and no more', async () => {
  const { hostname, port } = new URL(metrics.url);
  const sockets = Array.from({ length: limits.metricsConnections + 1 }, () =>
    connect(Number(port), hostname).on('error', () => {}),
  );
  await Promise.any(sockets.map((socket) => new Promise((resolve) => socket.once('close', resolve))));
  for (const socket of sockets) socket.destroy();
});
