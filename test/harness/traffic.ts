// The application of applications.ts: `traffic.js serve HOST`, or `traffic.js dial HOST PORT REQUEST`.
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { finished } from 'node:stream/promises';
import type { Ending, Request } from './applications.js';
import { receivePayload, sendPayload } from './payload.js';

/** What the dialling side says first: the request as JSON, filled up with blanks. */
const requestBytes = 128;
const progressInterval = 50;
const slowReadInterval = 20;

const say = (msg: string, fields: object = {}): void => console.error(JSON.stringify({ msg, ...fields }));

const [role, host = '127.0.0.1', port, request = ''] = process.argv.slice(2);
if (role === 'serve') serve();
else await dial(JSON.parse(request) as Request);

function serve(): void {
  const server = createServer({ allowHalfOpen: true }, async (socket) => {
    socket.on('error', () => socket.destroy());
    const { down, answer } = JSON.parse(String(await readExactly(socket, requestBytes))) as Request;
    const resetting = answer === 'reset' && once(socket, 'data').then(() => void socket.resetAndDestroy());
    const receiving = receivePayload(socket);
    // Awaited below; a connection that breaks must not end the service before.
    receiving.catch(() => {});
    if (answer === 'afterwards') await receiving.catch(() => {});
    const finish = () => resetting || close(socket);
    say('ended', { ending: await carry(socket, receiving, { seed: 2, size: down, finish }) });
  });
  server.listen(0, host, () => {
    const address = server.address();
    say('listening', { port: typeof address === 'object' ? address?.port : undefined });
  });
}

async function dial(wanted: Request): Promise<void> {
  const socket = connect({ host, port: Number(port), allowHalfOpen: true });
  await once(socket, 'connect');
  socket.on('error', () => socket.destroy());
  const report = setInterval(() => say('progress', { bytes: socket.bytesRead }), progressInterval);
  socket.write(JSON.stringify(wanted).padEnd(requestBytes));
  const receiving = receivePayload(socket);
  receiving.catch(() => {});
  if (wanted.slowAfter !== undefined) slowDown(socket, wanted.slowAfter);
  // A reset that comes together with data reads as an end in Node (libuv's uv__stream_eof).
  if (wanted.answer === 'reset') while (socket.bytesRead < wanted.down) await once(socket, 'data');
  const part = { seed: 1, size: wanted.up, finish: () => close(socket) };
  say('ended', { ending: await carry(socket, receiving, part) });
  clearInterval(report);
}

/** Reads a few megabytes a second from so many bytes on, until SIGUSR2. */
function slowDown(socket: Socket, after: number): void {
  let slow = true;
  process.on('SIGUSR2', () => {
    slow = false;
  });
  socket.on('data', () => {
    if (!slow || socket.bytesRead < after) return;
    socket.pause();
    setTimeout(() => socket.resume(), slowReadInterval);
  });
}

function close(socket: Socket): Promise<void> {
  return finished(socket.end(), { readable: false });
}

interface Part {
  seed: number;
  size: number;
  /** Ends its direction, or the connection. */
  finish: () => Promise<void>;
}

async function carry(
  socket: Socket,
  receiving: Promise<{ bytes: number; sha256: string }>,
  { seed, size, finish }: Part,
): Promise<Ending> {
  const send = async (): Promise<string> => {
    const hash = await sendPayload(socket, seed, size);
    await finish();
    return hash;
  };
  try {
    const [sent, received] = await Promise.all([send(), receiving]);
    return { sent, received };
  } catch (error) {
    return { broken: error instanceof Error && 'code' in error ? String(error.code) : String(error) };
  } finally {
    socket.destroy();
  }
}

async function readExactly(socket: Socket, count: number): Promise<Buffer> {
  for (;;) {
    const bytes = socket.read(count) as Buffer | null;
    if (bytes) return bytes;
    await once(socket, 'readable');
  }
}
