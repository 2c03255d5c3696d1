import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import fc from 'fast-check';
import { afterEach, expect, it } from 'vitest';
import { connectThrough, parseProxy } from './proxy.js';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A proxy that gives this answer to whatever it gets; resolves with what that was. */
async function proxyThat(answer: (socket: Socket) => void): Promise<{ url: string; request: Promise<string> }> {
  let heard: (text: string) => void = () => {};
  const request = new Promise<string>((resolve) => {
    heard = resolve;
  });
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (bytes) => {
      heard(bytes.toString());
      answer(socket);
    });
  });
  servers.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  return { url: `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`, request };
}
const to = { host: 'relay.example', port: 7000 };

it('asks with its credentials, and loses nothing that comes early', async () => {
  const proxy = await proxyThat((socket) => socket.write('HTTP/1.1 200 Fine\r\n\r\nearly'));
  const socket = await connectThrough(parseProxy(`http://us%3Aer:p%40ss@${proxy.url}`), to);
  expect(await proxy.request).toMatch(/^CONNECT relay\.example:7000 HTTP\/1\.1\r\n/);
  expect(await proxy.request).toContain(`proxy-authorization: Basic ${Buffer.from('us:er:p@ss').toString('base64')}`);
  expect((await once(socket, 'data')).toString()).toBe('early');
  socket.destroy();
});

it('writes IPv6 addresses in brackets', async () => {
  const proxy = await proxyThat((socket) => socket.write('HTTP/1.1 200 Fine\r\n\r\n'));
  const socket = await connectThrough(parseProxy(`http://${proxy.url}`), { host: 'fd00::1', port: 7 });
  expect(await proxy.request).toMatch(/^CONNECT \[fd00::1\]:7 /);
  socket.destroy();
});

it.each<[what: string, answer: (socket: Socket) => void, message: RegExp]>([
  ['a refusal', (socket) => socket.end('HTTP/1.1 407 No\r\n\r\n'), /status 407/],
  ['an end', (socket) => socket.end(), /socket hang up/],
  ['garbage', (socket) => socket.end('\0\0\0\0'), /Parse Error/],
  ['nothing', () => {}, /does not answer/],
])('rejects with what the proxy did: %s', async (what, answer, message) => {
  const { url } = await proxyThat(answer);
  const attempt = connectThrough(parseProxy(`http://${url}`), to, what === 'nothing' ? { timeout: 300 } : {});
  await expect(attempt).rejects.toMatchObject({ code: 'unavailable', message: expect.stringMatching(message) });
});

it('can be given up, before and after', async () => {
  const before = new AbortController();
  const mute = await proxyThat(() => before.abort());
  const { signal } = before;
  await expect(connectThrough(parseProxy(`http://${mute.url}`), to, { signal })).rejects.toThrow(/abort/);
  const after = new AbortController();
  const proxy = await proxyThat((socket) => socket.write('HTTP/1.1 200 Fine\r\n\r\n'));
  const socket = await connectThrough(parseProxy(`http://${proxy.url}`), to, { signal: after.signal });
  const failed = once(socket, 'close');
  after.abort();
  await expect(failed).rejects.toThrow(/abort/);
  expect(socket.destroyed).toBe(true);
});

it.each(['proxy:3128', 'https://proxy', 'socks5://proxy:1080', 'http://', ''])('%j is no proxy', (text) => {
  expect(() => parseProxy(text)).toThrow(/http:\/\/host:port/);
});

it('whatever a proxy answers is a connection or a refusal', async () => {
  const word = fc.constantFrom(
    'HTTP/1.1 200 Fine',
    'HTTP/1.1 ',
    'HTTP/1.1 407',
    '\r\n',
    '\r\n\r\n',
    'content-length: 9',
    'x: y',
    ': ',
    '\0',
  );
  const answer = fc.oneof(
    fc.array(word).map((words) => Buffer.from(words.join(''))),
    fc.uint8Array(),
  );
  await fc.assert(
    fc.asyncProperty(answer, async (bytes) => {
      const proxy = await proxyThat((socket) => socket.end(bytes));
      const outcome = await connectThrough(parseProxy(`http://${proxy.url}`), to).catch((refused) => refused);
      if (outcome instanceof Error) expect(outcome).toMatchObject({ code: 'unavailable' });
      else outcome.destroy();
    }),
  );
});
