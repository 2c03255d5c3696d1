// The application of applications.ts: `traffic.js serve HOST`, or `traffic.js dial HOST PORT REQUEST`.
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { finished } from 'node:stream/promises';
import type { Ending, Request } from './applications.js';
import { receivePayload, sendPayload } from './payload.js';

/** What the dialling side says first: the request as JSON, filled up with blanks. */
const requestBytes = 128;
const progressInterval = 50;

const say = (msg: string, fields: object = {}): void => console.error(JSON.stringify({ msg, ...fields }));

const [role, host = '127.0.0.1', port, request = ''] = process.argv.slice(2);
if (role === 'serve') serve();
else await dial(JSON.parse(request) as Request);

function serve(): void {
  const server = createServer({ allowHalfOpen: true }, async (socket) => {
    const { up: _, down, answer } = JSON.parse(String(await readExactly(socket, requestBytes))) as Request;
    const receiving = receivePayload(socket);
    // Awaited below; a connection that breaks must not end the service before.
    receiving.catch(() => {});
    if (answer === 'afterwards') await receiving.catch(() => {});
    say('ended', { ending: await carry(socket, receiving, { seed: 2, size: down, reset: answer === 'reset' }) });
  });
  server.listen(0, host, () => {
    const address = server.address();
    say('listening', { port: typeof address === 'object' ? address?.port : undefined });
  });
}

async function dial(wanted: Request): Promise<void> {
  const socket = connect({ host, port: Number(port), allowHalfOpen: true });
  await once(socket, 'connect');
  const report = setInterval(() => say('progress', { bytes: socket.bytesRead }), progressInterval);
  socket.write(JSON.stringify(wanted).padEnd(requestBytes));
  say('ended', { ending: await carry(socket, receivePayload(socket), { seed: 1, size: wanted.up, reset: false }) });
  clearInterval(report);
}

interface Part {
  seed: number;
  size: number;
  reset: boolean;
}

async function carry(
  socket: Socket,
  receiving: Promise<{ bytes: number; sha256: string }>,
  { seed, size, reset }: Part,
): Promise<Ending> {
  const send = async (): Promise<string> => {
    const hash = await sendPayload(socket, seed, size);
    if (reset) socket.resetAndDestroy();
    else await finished(socket.end(), { readable: false });
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
