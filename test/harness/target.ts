import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as pause, setImmediate as turn } from 'node:timers/promises';
import { waitFor } from './wait.js';

export interface Target {
  port: number;
  /** Every connection that was accepted, in order. */
  connections: Socket[];
  close(): Promise<void>;
}

/** A TCP service on the loopback interface, or on a unix socket. */
export async function startTarget(
  serve: (socket: Socket) => void,
  where: { host: string } | { path: string } = { host: '127.0.0.1' },
): Promise<Target> {
  const connections: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    connections.push(socket);
    socket.on('error', () => socket.destroy());
    serve(socket);
  });
  server.listen('path' in where ? where : { port: 0, ...where });
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    connections,
    close: async () => {
      for (const socket of connections) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/**
 * A port that never answers, as behind a firewall that drops: its process is stopped and its accept queue full, so the
 * kernel drops every further SYN.
 */
export async function startSilent(): Promise<{ port: number; stop(): Promise<void> }> {
  const code = `require('net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, function () { console.log(this.address().port); })`;
  const child = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = await once(child.stdout, 'data');
  child.kill('SIGSTOP');
  const port = Number(String(line));
  const fillers: Socket[] = [];
  for (let connected = true; connected; ) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => socket.destroy());
    fillers.push(socket);
    // Over loopback at once, or not at all. This process may have stood still meanwhile: a turn of its loop shows what came.
    await Promise.race([once(socket, 'connect'), pause(500)]);
    await turn();
    connected = !socket.connecting;
  }
  return {
    port,
    stop: async () => {
      for (const socket of fillers) socket.destroy();
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

/** Sends back what it gets, and ends when the other side does. */
export const startEcho = (where?: { host: string } | { path: string }): Promise<Target> =>
  startTarget((socket) => void socket.pipe(socket), where);

/** A connected application socket that half-closes properly. */
export async function dial(to: number | { host: string; port: number } | { path: string }): Promise<Socket> {
  const address = typeof to === 'number' ? { host: '127.0.0.1', port: to } : to;
  const socket = connect({ allowHalfOpen: true, ...address });
  try {
    await once(socket, 'connect');
  } catch (error) {
    // Accepted and reset before this process looked: it was a connection, and ends like one.
    if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error;
  }
  socket.on('error', () => socket.destroy());
  return socket;
}

/** Resolves when nothing listens at a port any more. */
export const listenerClosed = (port: number): Promise<boolean> =>
  waitFor('the listener to be closed', () =>
    dial(port).then(
      () => false,
      () => true,
    ),
  );

/** Sends a text and waits for exactly as many bytes to come back. */
export async function exchange(socket: Socket, text: string): Promise<string> {
  socket.write(text);
  let answer = '';
  while (answer.length < text.length) {
    const chunk = socket.read() as Buffer | null;
    if (chunk) answer += chunk.toString('latin1');
    else if (socket.readableEnded || socket.destroyed) throw new Error(`the connection ended after "${answer}"`);
    else await Promise.race([once(socket, 'readable'), once(socket, 'close'), once(socket, 'end')]);
  }
  return answer;
}

/** How a connection ends: `end` after a clean half-close of the other side, `reset` otherwise. */
export function ending(socket: Socket): Promise<'end' | 'reset'> {
  return new Promise((resolve) => {
    socket.resume();
    if (socket.destroyed) return resolve('reset');
    socket.once('end', () => resolve('end'));
    socket.once('close', () => resolve('reset'));
  });
}

/**
 * How a connection to a port, from which everything is read, ends for a program that is not Node: Node takes a reset that comes
 * together with bytes for an end.
 */
export async function endingForOthers(port: number): Promise<'end' | 'reset'> {
  const script = `exec 3<>/dev/tcp/127.0.0.1/${port} && exec cat <&3 >/dev/null`;
  const child = spawn('bash', ['-c', script], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, LC_ALL: 'C' },
  });
  const said = child.stderr.setEncoding('utf8').toArray();
  const [code] = await once(child, 'close');
  const error = (await said).join('');
  if (code === 0) return 'end';
  if (error.includes('Connection reset by peer')) return 'reset';
  throw new Error(error);
}
