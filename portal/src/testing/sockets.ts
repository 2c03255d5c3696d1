import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { encodeReadyMark, preambleBytes } from '@netport/protocol';

export const portOf = (server: Server): number => (server.address() as AddressInfo).port;

/** A server on a free port whose every connection goes to `onSocket`. */
export async function serve(onSocket: (socket: Socket) => void): Promise<Server> {
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    socket.on('error', () => {});
    onSocket(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

export async function dial(server: Server, allowHalfOpen = true): Promise<Socket> {
  const socket = connect({ port: portOf(server), host: '127.0.0.1', allowHalfOpen });
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** Two ends of one TCP connection over loopback, paused. */
export async function socketPair(allowHalfOpen = true): Promise<[Socket, Socket]> {
  const accepted = withResolvers<Socket>();
  const server = createServer({ allowHalfOpen, pauseOnConnect: true, noDelay: true }, accepted.resolve);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const near = await dial(server, allowHalfOpen);
  const far = await accepted.promise;
  far.on('error', () => {});
  server.close();
  return [near, far];
}

/** A relay that believes every preamble and joins each two connections; `legs` are the sockets that came. */
export async function looseRelay(): Promise<{ server: Server; port: number; legs: Socket[] }> {
  const legs: Socket[] = [];
  let waiting: Socket | undefined;
  const server = await serve((socket) => {
    legs.push(socket);
    socket.once('readable', () => {
      if (!socket.read(preambleBytes)) return socket.destroy();
      const other = waiting;
      waiting = other ? undefined : socket;
      if (!other) return;
      for (const [one, two] of [
        [socket, other],
        [other, socket],
      ] as const) {
        one.write(encodeReadyMark());
        one.pipe(two);
        one.once('close', () => two.destroy());
      }
    });
  });
  return { server, port: portOf(server), legs };
}

/** All that comes, without closing the other direction, which node:stream/consumers would do. Rejects when cut short. */
export function collect(source: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = [];
  return new Promise((resolve, reject) => {
    source.on('data', (chunk: Buffer) => chunks.push(chunk));
    source.resume();
    source.once('end', () => resolve(Buffer.concat(chunks)));
    source.once('error', reject);
    source.once('close', () => reject(new Error('closed before its end')));
  });
}

/** Waits until `condition` gives something true. */
export async function until<T>(condition: () => T | undefined | false, timeout = 30_000): Promise<T> {
  const deadline = Date.now() + timeout;
  for (;;) {
    const value = condition();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`never true: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export interface Deferred<T> {
  promise: Promise<T>;
  resolve: (value: T) => void;
}

export function withResolvers<T>(): Deferred<T> {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
