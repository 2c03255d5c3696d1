import { chmod, lstat, unlink } from 'node:fs/promises';
import { connect, type Server, type Socket } from 'node:net';
import { NetportError } from '@netport/protocol';
import { listen } from './server.js';

/** The owner and its group may connect. */
const socketMode = 0o660;

/** Listens on a socket file. One that a dead process left behind is replaced; a live one is `address_in_use`. */
export async function listenUnix(path: string, onSocket: (socket: Socket) => void): Promise<Server> {
  const name = `unix:${path}`;
  const server = await listen({ path }, name, onSocket).catch(async (error: unknown) => {
    if (!(error instanceof NetportError) || error.code !== 'address_in_use' || !(await isStale(path))) throw error;
    await unlink(path).catch(() => {});
    return listen({ path }, name, onSocket);
  });
  await chmod(path, socketMode);
  return server;
}

/** A socket file on which nobody accepts. */
async function isStale(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined);
  if (!found?.isSocket()) return false;
  return new Promise((resolve) => {
    const probe = connect({ path });
    probe.once('connect', () => {
      probe.destroy();
      resolve(false);
    });
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
}
