import { mkdtemp, rm } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  controlSubprotocol,
  type LiveEvent,
  liveEventSchema,
  type NewToken,
  type PortalCommand,
  type PortalMessage,
  type RelayCommand,
  type RelayMessage,
} from '@netport/protocol';
import { createLogger, enrol, openDataDirectory, type StoredIdentity } from '@netport/runtime';
import { WebSocket } from 'ws';
import { type ControlServer, type ControlServerOptions, startControlServer } from '../src/control-server.js';

export const silent = createLogger('test', 'silent');

/** A directory that is gone after the test. */
export async function temporaryDirectory(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'netport-control-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** Waits until `probe` gives something; fails with `what` when only a machine that stands still could take so long. */
export async function waitFor<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export interface HttpAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into whatever came
  json: any;
}

export interface TestServer extends ControlServer {
  data: string;
  token: string;
  http(
    method: string,
    path: string,
    options?: { headers?: Record<string, string>; body?: string | Buffer },
  ): Promise<HttpAnswer>;
  /** A request of the admin, below /api/v1. */
  api(method: string, path: string, body?: unknown): Promise<HttpAnswer>;
  join(kind: 'portal' | 'relay', name: string): Promise<StoredIdentity>;
  stop(): Promise<void>;
}

export async function startTestServer(options: Partial<ControlServerOptions> = {}): Promise<TestServer> {
  const directory = await temporaryDirectory();
  const data = options.data ?? join(directory.path, 'control');
  let token = '';
  const server = await startControlServer({
    data,
    listen: '127.0.0.1:0',
    log: silent,
    onAdminToken: (made) => {
      token = made;
    },
    ...options,
  });

  const http: TestServer['http'] = (method, path, { headers, body } = {}) =>
    new Promise((resolve, reject) => {
      const outgoing = request(
        `${server.url}${path}`,
        { method, headers, ca: server.rootPem, agent: false },
        (incoming) => {
          const chunks: Buffer[] = [];
          incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
          incoming.on('end', () => {
            const text = Buffer.concat(chunks).toString();
            const isJson = /\b(problem\+)?json\b/.test(incoming.headers['content-type'] ?? '');
            resolve({
              status: incoming.statusCode ?? 0,
              headers: incoming.headers,
              text,
              json: isJson ? JSON.parse(text) : undefined,
            });
          });
        },
      );
      outgoing.on('error', reject);
      outgoing.end(body);
    });

  const api: TestServer['api'] = (method, path, body) =>
    http(method, `/api/v1${path}`, {
      headers: {
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });

  return {
    ...server,
    get rootPem() {
      return server.rootPem;
    },
    data,
    token,
    http,
    api,
    join: async (kind, name) => {
      const { json } = await api('POST', `/${kind}s`, { name });
      const own = await openDataDirectory(join(directory.path, `${kind}-${name}`));
      const identity = await enrol({ token: (json as NewToken).token, directory: own, log: silent });
      await own.close();
      return identity;
    },
    stop: async () => {
      await server.drain(0);
      await directory.remove();
    },
  };
}

/** An open `GET /live`, for tests: what came in, in order, and a way to wait for more. */
export interface TestStream {
  received: LiveEvent[];
  /** Takes the oldest event of this name that passes, dropping those before it. */
  next<Name extends LiveEvent['event']>(
    name: Name,
    passes?: (data: Extract<LiveEvent, { event: Name }>['data']) => boolean,
  ): Promise<Extract<LiveEvent, { event: Name }>['data']>;
  ended(): Promise<unknown>;
  incoming: IncomingMessage;
  close(): void;
}

/** Rejects with the status where the server does not open the stream. */
export function openLive(server: ControlServer, headers: Record<string, string>): Promise<TestStream> {
  return new Promise((resolve, reject) => {
    const outgoing = request(`${server.url}/api/v1/live`, { headers, ca: server.rootPem, agent: false }, (incoming) => {
      if (incoming.statusCode !== 200) {
        incoming.resume();
        reject(new Error(String(incoming.statusCode)));
        return;
      }
      const received: LiveEvent[] = [];
      let rest = '';
      let over = false;
      incoming.on('data', (chunk: Buffer) => {
        const frames = (rest + chunk.toString()).split('\n\n');
        rest = frames.pop() ?? '';
        for (const frame of frames) {
          const [, event, data] = /^event: (\w+)\ndata: (.*)$/.exec(frame) ?? [];
          if (data !== undefined) received.push(liveEventSchema.parse({ event, data: JSON.parse(data) }));
        }
      });
      incoming.on('error', () => {});
      incoming.on('close', () => {
        over = true;
      });
      resolve({
        received,
        incoming,
        next: async (name, passes = () => true) => {
          const found = await waitFor(`a live event ${name}`, () => {
            const index = received.findIndex(({ event, data }) => event === name && passes(data as never));
            return index >= 0 && received.splice(0, index + 1).at(-1);
          });
          return found.data as never;
        },
        ended: () => waitFor('the stream to end', () => over),
        close: () => outgoing.destroy(),
      });
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

/** One end of the control channel, for tests: what came in, in order, and a way to wait for more. */
export class TestSession<In extends { type: string }, Out> {
  readonly received: In[] = [];
  readonly socket: WebSocket;
  closed: { code: number; reason: string } | undefined;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data) => this.received.push(JSON.parse(data.toString())));
    socket.on('close', (code, reason) => {
      this.closed = { code, reason: reason.toString() };
    });
    socket.on('error', () => {});
  }

  send(message: Out): void {
    this.socket.send(JSON.stringify(message));
  }

  /** Takes the oldest message of this type that was not taken yet. */
  next<Type extends In['type']>(type: Type): Promise<Extract<In, { type: Type }>> {
    return waitFor(`a message ${type}`, () => {
      const index = this.received.findIndex((message) => message.type === type);
      return index >= 0 && (this.received.splice(index, 1)[0] as Extract<In, { type: Type }>);
    });
  }

  ended(): Promise<{ code: number; reason: string }> {
    return waitFor('the session to end', () => this.closed);
  }
}

export interface OpenOptions {
  identity?: Pick<StoredIdentity, 'keyPem' | 'chainPem'> | undefined;
  subprotocol?: string | undefined;
}

/** Opens `/control`; rejects with the problem that the server answered. */
export function openSocket(
  server: ControlServer,
  { identity, subprotocol = controlSubprotocol }: OpenOptions,
): Promise<WebSocket> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`${server.url.replace('https', 'wss')}/control`, subprotocol || [], {
      ca: server.rootPem,
      ...(identity && { key: identity.keyPem, cert: identity.chainPem }),
    });
    socket.on('error', reject);
    socket.on('open', () => resolve(socket));
    socket.on('unexpected-response', (_request, response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () =>
        reject(
          Object.assign(new Error(body), {
            status: response.statusCode,
            headers: response.headers,
            body: JSON.parse(body),
          }),
        ),
      );
    });
  });
}

export async function connectPortal(
  server: ControlServer,
  identity: StoredIdentity,
): Promise<TestSession<PortalCommand, PortalMessage>> {
  const session = new TestSession<PortalCommand, PortalMessage>(await openSocket(server, { identity }));
  session.send({ type: 'hello', version: 'test', policyVersion: 0 });
  await session.next('welcome');
  return session;
}

/** A relay that opens every circuit it is asked for, on ports that exist nowhere. */
export async function connectRelay(
  server: ControlServer,
  identity: StoredIdentity,
  hello: Partial<Extract<RelayMessage, { type: 'hello' }>> = {},
): Promise<TestSession<RelayCommand, RelayMessage>> {
  const session = new TestSession<RelayCommand, RelayMessage>(await openSocket(server, { identity }));
  let port = 40_000;
  session.socket.on('message', (data) => {
    const message = JSON.parse(data.toString()) as RelayCommand;
    if (message.type !== 'circuit.open') return;
    session.send({ type: 'circuit.opened', id: message.id, circuitId: message.circuitId, ports: [port, port + 1] });
    port += 2;
  });
  session.send({
    type: 'hello',
    version: 'test',
    address: '127.0.0.1',
    probePort: 39_999,
    capacity: 100,
    datapath: 'userspace',
    circuits: [],
    ...hello,
  });
  await session.next('welcome');
  return session;
}
