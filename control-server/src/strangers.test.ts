import { once } from 'node:events';
import { Agent, request } from 'node:https';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { endpoints, limits } from '@netport/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  connectPortal,
  openSocket,
  startTestServer,
  type TestServer,
  type TestSession,
  waitFor,
} from '../test/harness.js';

// As in production, but a tenth of the time.
const patience = { head: 1000, request: 2000, idle: 2500 };

/** A control server, and a session of a portal. */
interface Site {
  server: TestServer;
  address: { host: string; port: number };
  session: TestSession<{ type: string }, unknown>;
}

async function startSite(options: Parameters<typeof startTestServer>[0]): Promise<Site> {
  const server = await startTestServer(options);
  const { hostname, port } = new URL(server.url);
  const session = await connectPortal(server, await server.join('portal', 'a'));
  return { server, address: { host: hostname, port: Number(port) }, session };
}

let hasty: Site;
/** Cuts nobody who is only held up by a busy machine. */
let patient: Site;
beforeAll(async () => {
  [hasty, patient] = [await startSite({ patience }), await startSite({})];
});
afterAll(async () => {
  for (const { server } of [hasty, patient]) await server.stop();
});

/** The portal's session has not noticed anything, and answers. */
async function sessionGoesOn({ session }: Site): Promise<void> {
  const answer = once(session.socket, 'pong');
  session.socket.ping();
  await answer;
  expect(session.closed).toBeUndefined();
}

const tls = async ({ server, address }: Site = hasty): Promise<TLSSocket> => {
  const socket = connect({ ...address, ca: server.rootPem, checkServerIdentity: () => undefined });
  await once(socket, 'secureConnect');
  // A reset is as good as an end.
  return socket.on('error', () => {});
};

/** What came until the other end had enough. */
async function untilCut(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk;
  });
  await new Promise((resolve) => socket.once('close', resolve));
  return text;
}

/** Sends `piece` again and again, while somebody takes it. */
function keepSending(socket: Socket, piece: string): Socket {
  const timer = setInterval(() => socket.writable && socket.write(piece), 50);
  return socket.once('close', () => clearInterval(timer));
}

const answersIn = (text: string): number[] =>
  [...text.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status]) => Number(status));
const post = (path: string, fields: string): string => `POST ${path} HTTP/1.1\r\nhost: x\r\n${fields}\r\n\r\n`;
const json = 'content-type: application/json';
const csr = 'content-type: application/pkcs10';
const est = '/.well-known/est/simpleenroll';
const signIn = '/api/v1/session';

describe.concurrent('a slow client is cut, and a portal’s session goes on', () => {
  it.each<[string, () => Promise<Socket>]>([
    ['says nothing, not even of TLS', async () => connectTcp(hasty.address)],
    [
      'stops in the middle of its handshake',
      async () => {
        const socket = connectTcp(hasty.address);
        // A record of a ClientHello that is to have 512 bytes, and its first few.
        socket.write(Buffer.from('160301020001000001fc0303', 'hex'));
        return socket;
      },
    ],
    ['says nothing after its handshake', () => tls()],
    [
      'sends its header fields byte by byte',
      async () => {
        const socket = await tls();
        socket.write('GET /healthz HTTP/1.1\r\nx: ');
        return keepSending(socket, 'x');
      },
    ],
    ...[est, '/.well-known/est/simplereenroll', signIn].map((path): [string, () => Promise<Socket>] => [
      `sends a body to ${path} byte by byte`,
      async () => {
        const socket = await tls();
        socket.write(post(path, `content-length: 1000\r\n${path === signIn ? json : csr}`));
        return keepSending(socket, 'A');
      },
    ]),
    [
      'sends chunks without end',
      async () => {
        const socket = await tls();
        socket.write(post(signIn, `transfer-encoding: chunked\r\n${json}`));
        return keepSending(socket, '1\r\n \r\n');
      },
    ],
    [
      'reads nothing of what it asked for',
      async () => {
        const socket = await tls();
        socket.pause();
        for (let i = 0; i < 40; i += 1) socket.write('GET /api/v1/openapi.json HTTP/1.1\r\nhost: x\r\n\r\n');
        // It shows in nothing but the end.
        setTimeout(() => socket.resume(), 2 * patience.idle);
        return socket;
      },
    ],
  ])(
    'that %s',
    async (_what, open) => {
      const socket = await open();
      await untilCut(socket);
      await sessionGoesOn(hasty);
    },
    30_000,
  );

  it('that upgrades and never says hello', async () => {
    const silent = await openSocket(hasty.server, { identity: await hasty.server.join('portal', 'silent') });
    const [code, reason] = await once(silent, 'close');
    expect([code, String(reason)]).toEqual([1008, 'protocol_error: no hello in time']);
    await sessionGoesOn(hasty);
  });
});

describe.concurrent('a greedy client is refused, and a portal’s session goes on', () => {
  const headers = Array.from({ length: 10_000 }, (_, i) => `x-${i}: ${i}\r\n`).join('');
  const huge = 10 * 1024 * 1024;
  it.each<[string, string, number]>([
    ['10,000 header fields', `GET / HTTP/1.1\r\nhost: x\r\n${headers}\r\n`, 431],
    ['a path of 100 kB', `GET /${'x'.repeat(100_000)} HTTP/1.1\r\nhost: x\r\n\r\n`, 431],
    ['what is not HTTP', 'EHLO there\r\n\r\n', 400],
    ['a body of 10 MiB where none is read', `${post('/healthz', `content-length: ${huge}`)}${'x'.repeat(50_000)}`, 404],
    ['a CSR of 10 MiB', `${post(est, `content-length: ${huge}\r\n${csr}`)}${'A'.repeat(50_000)}`, 413],
    [
      'a CSR of 10 MiB in chunks',
      `${post(est, `transfer-encoding: chunked\r\n${csr}`)}${`2000\r\n${'A'.repeat(8192)}\r\n`.repeat(3)}`,
      413,
    ],
    ['a sign-in of 10 MiB', `${post(signIn, `content-length: ${huge}\r\n${json}`)}${' '.repeat(50_000)}`, 413],
    [
      'a sign-in of 10 MiB in chunks',
      `${post(signIn, `transfer-encoding: chunked\r\n${json}`)}${`2000\r\n${' '.repeat(8192)}\r\n`.repeat(3)}`,
      413,
    ],
    [
      'a policy of 10 MiB without a token',
      `${post(`/api/v1${endpoints.policy.apply.path}`, `content-length: ${huge}\r\n${json}`)}${' '.repeat(50_000)}`,
      401,
    ],
    [
      'an upgrade without a certificate',
      'GET /control HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-protocol: netport.v1\r\n\r\n',
      401,
    ],
  ])('%s', async (_what, text, status) => {
    const socket = await tls(patient);
    const cut = untilCut(socket);
    socket.write(text);
    const answer = await cut;
    // One answer: another would say that the time for its rest was up.
    expect(answersIn(answer)).toEqual([status]);
    await sessionGoesOn(patient);
  });
});

it('sockets of one address that show nothing make room for others, and those that are known stay', async () => {
  const own = await startTestServer();
  const { hostname, port } = new URL(own.url);
  const portal = await connectPortal(own, await own.join('portal', 'a'));
  const sockets: Socket[] = [];
  for (let i = 0; i < limits.socketsPerStranger + 20; i += 1) {
    const socket = connectTcp(Number(port), hostname);
    socket.on('error', () => {});
    sockets.push(socket);
  }
  const closed = await waitFor('the oldest to be cut', () => {
    const count = sockets.filter((socket) => socket.closed).length;
    return count >= 20 && count;
  });
  expect(closed).toBeLessThan(60);
  expect((await own.api('GET', '/portals/a')).json.online).toBe(true);
  expect((await own.http('GET', '/healthz')).status).toBe(200);
  const answer = once(portal.socket, 'pong');
  portal.socket.ping();
  await answer;
  for (const socket of sockets) socket.destroy();
  await own.stop();
});

it('what anybody may ask for is answered at a bounded rate, to each address', async () => {
  const start = new Date();
  const own = await startTestServer({ now: () => start });
  const agent = new Agent({ keepAlive: true, ca: own.rootPem, maxSockets: 8 });
  const ask = (path: string): Promise<number> =>
    new Promise((resolve, reject) => {
      const asked = request(own.url + path, { method: 'HEAD', agent }, (answer) => {
        answer.resume().on('end', () => resolve(answer.statusCode ?? 0));
      });
      asked.on('error', reject).end();
    });
  const api = ['/openapi.json', endpoints.session.methods.path].map((path) => `/api/v1${path}`);
  const open = ['/healthz', '/readyz', '/crl.der', '/', '/.well-known/est/cacerts', '/nothing', ...api];
  const asked = Array.from({ length: limits.openRequestsPerMinute }, (_, i) => ask(open[i % open.length] ?? ''));
  expect(await Promise.all(asked)).not.toContain(429);
  for (const path of open) expect([path, await ask(path)]).toEqual([path, 429]);
  // Whoever has shown who he is goes on.
  expect((await own.api('GET', '/portals')).status).toBe(200);
  agent.destroy();
  await own.stop();
});
