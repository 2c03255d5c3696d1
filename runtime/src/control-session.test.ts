import { EventEmitter, once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createAuthority, generateKeyPem, openAuthority, publicKeyOf } from '@netport/pki';
import {
  controlSubprotocol,
  formatSpiffeId,
  type IdentityKind,
  limits,
  type Name,
  type TrustDomain,
} from '@netport/protocol';
import pino from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { openControlSession } from './control-session.js';
import type { StoredIdentity } from './identity.js';
import { createLogger } from './log.js';

const trustDomain = 'test.internal' as TrustDomain;
const now = new Date();
const material = await createAuthority({ trustDomain, now });
const authority = await openAuthority(material);

async function issue(kind: IdentityKind, name: Name) {
  const keyPem = generateKeyPem();
  const id = formatSpiffeId({ trustDomain, kind, name });
  const { chainPem, notBefore, notAfter } = await authority.issue({ id, publicKey: publicKeyOf(keyPem), now });
  const { rootFingerprint } = authority;
  const trusted = { rootPem: material.rootPem, issuersPem: '', rootFingerprint };
  return { id, name, trustDomain, keyPem, chainPem, ...trusted, notBefore, notAfter };
}

/** A control server that says `welcome`, and nothing else. */
async function startServer() {
  const { keyPem, chainPem } = await issue('control', 'control' as Name);
  const http = createServer({ key: keyPem, cert: chainPem });
  const connections = new EventEmitter<{ connection: [IncomingMessage, WebSocket] }>();
  new WebSocketServer({ server: http, handleProtocols: () => controlSubprotocol }).on('connection', (ws, request) => {
    ws.send(JSON.stringify({ type: 'welcome', time: new Date().toISOString() }));
    connections.emit('connection', request, ws);
  });
  await once(http.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void http.close());
  return { connections, url: `https://127.0.0.1:${(http.address() as AddressInfo).port}` };
}

/** A session of a portal; resolves once it is up. */
async function openSession(identity: StoredIdentity, log = createLogger('test', 'silent')) {
  const ends: string[] = [];
  const downs = new EventEmitter<{ down: [] }>();
  const heard: string[] = [];
  let up: () => void = () => {};
  const begun = new Promise<void>((resolve) => {
    up = resolve;
  });
  const session = openControlSession<{ type: string; id?: number }, { type: string; id: number } | { type: 'hello' }>({
    identity: () => identity,
    trust: () => ({ rootPems: [identity.rootPem] }),
    hello: () => ({ type: 'hello' }),
    decode: (text) => JSON.parse(text) as { type: string },
    onMessage: ({ type }) => heard.push(type),
    onUp: up,
    onDown: ({ message }) => {
      ends.push(message);
      downs.emit('down');
    },
    log,
  });
  onTestFinished(() => session.close());
  await begun;
  return { session, ends, downs, heard };
}

// Earlier than it would be without a check.
const soon = { timeout: limits.controlSilence - limits.controlPingInterval };

it(
  'a session whose server is out of reach is begun again soon after a check, and one that is not goes on',
  soon,
  async () => {
    const [deaf, well] = [await startServer(), await startServer()];
    const identity = await issue('portal', 'a' as Name);
    const first = once(deaf.connections, 'connection');
    const cut = await openSession({ ...identity, controlUrl: deaf.url });
    const other = await openSession({ ...identity, controlUrl: well.url });
    // As when the address that its end was at has gone: nobody says that nothing arrives any more.
    const [{ socket }] = await first;
    socket.pause();
    const again = once(deaf.connections, 'connection');
    for (const { session } of [other, cut]) session.check();
    await again;
    expect(cut.ends).toEqual(['the control server went silent']);
    expect(other.ends).toEqual([]);
  },
);

it('says what ended it, and that it is begun again, where the control server ends it in good order', async () => {
  const server = await startServer();
  const first = once(server.connections, 'connection');
  const said: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line) => said.push((JSON.parse(line) as { msg: string }).msg) });
  await openSession({ ...(await issue('portal', 'd' as Name)), controlUrl: server.url }, log);
  const [, ws] = (await first) as [IncomingMessage, WebSocket];
  const again = once(server.connections, 'connection');
  ws.close(1001, 'draining: the root CA of the certificate that it began with was retired');
  await again;
  expect(said).toEqual([
    'control session down: the root CA of the certificate that it began with was retired. It is begun again.',
  ]);
});

it('a request of the server is no answer, though both ends count from one', async () => {
  const server = await startServer();
  const connection = once(server.connections, 'connection');
  const { session, heard } = await openSession({ ...(await issue('portal', 'b' as Name)), controlUrl: server.url });
  const [, ws] = (await connection) as [IncomingMessage, WebSocket];
  ws.on('message', (data) => {
    const { type, id } = JSON.parse(data.toString());
    if (type !== 'circuit.request') return;
    ws.send(JSON.stringify({ type: 'inspect', id }));
    ws.send(JSON.stringify({ type: 'circuit.offer', id }));
  });
  expect(await session.request({ type: 'circuit.request' })).toMatchObject({ type: 'circuit.offer' });
  expect(heard).toEqual(['welcome', 'inspect']);
});

it('a request waits for a session that has just ended to come back, and not for one that is over', async () => {
  const server = await startServer();
  server.connections.on('connection', (_request, ws) => {
    ws.on('message', (data) => {
      const { type, id } = JSON.parse(data.toString());
      if (type === 'circuit.request') ws.send(JSON.stringify({ type: 'circuit.offer', id }));
    });
  });
  const connection = once(server.connections, 'connection');
  const { session, downs } = await openSession({ ...(await issue('portal', 'c' as Name)), controlUrl: server.url });
  const [, ws] = (await connection) as [IncomingMessage, WebSocket];
  // In that very moment: the next one is up soon.
  const answer = new Promise((resolve) => {
    downs.once('down', () => {
      expect(session.up).toBe(false);
      resolve(session.request({ type: 'circuit.request' }));
    });
  });
  ws.terminate();
  expect(await answer).toMatchObject({ type: 'circuit.offer' });
  expect(session.starts).toBe(2);
  await session.close();
  await expect(session.request({ type: 'circuit.request' })).rejects.toMatchObject({ code: 'unavailable' });
});
