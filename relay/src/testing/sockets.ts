import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { checkEnd } from '@netport/dataplane';
import { type CircuitId, encodePreamble, readyMarkBytes } from '@netport/protocol';

/** Polls until the condition holds; the test's own timeout ends a wait in vain. */
export async function waitFor(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/**
 * Two ends of a TCP connection over the loopback: `near` as a relay accepts it, `far` as a portal has it. `prepare` is
 * given the listener before anybody connects.
 */
export async function socketPair(
  options: { host?: string; listensOn?: string; prepare?: (server: Server) => void } = {},
): Promise<{ near: Socket; far: Socket }> {
  const { host = '127.0.0.1', listensOn = host, prepare } = options;
  const server = createServer({ allowHalfOpen: true });
  server.listen(0, listensOn);
  await once(server, 'listening');
  prepare?.(server);
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no TCP address');
  const far = dial(address.port, host);
  const [near] = (await once(server, 'connection')) as [Socket];
  server.close();
  return { near, far };
}

export function dial(port: number, host = '127.0.0.1'): Socket {
  const socket = connect({ port, host, allowHalfOpen: true });
  return socket.on('error', () => {});
}

export const dialLeg = (port: number, circuitId: CircuitId, token: Uint8Array): Socket => {
  const socket = dial(port);
  socket.write(encodePreamble({ circuitId, token }));
  return socket;
};

/** Exactly this many bytes, leaving the rest unread. Rejects when the connection ends before. */
export async function readExactly(socket: Socket, count: number): Promise<Buffer> {
  for (;;) {
    const bytes: Buffer | null = socket.read(count);
    if (bytes?.length === count) return bytes;
    if (socket.readableEnded || socket.destroyed) throw new Error('closed');
    await Promise.race([once(socket, 'readable'), once(socket, 'close')]);
  }
}

export const readReadyMark = (socket: Socket): Promise<Buffer> => readExactly(socket, readyMarkBytes);

/** Everything up to the end of this direction; the other direction stays open. */
export async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  await once(socket, 'end');
  return Buffer.concat(chunks);
}

/** Resolves when the other side has closed the connection, with how. */
export function closing(socket: Socket): Promise<'end' | 'reset'> {
  return new Promise((resolve) => {
    socket.on('error', () => resolve('reset'));
    socket.on('end', () =>
      checkEnd(socket, (inOrder) => {
        resolve(inOrder ? 'end' : 'reset');
        socket.destroy();
      }),
    );
    socket.resume();
  });
}
