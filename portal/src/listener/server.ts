import { createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import { systemError } from '@netport/runtime';
import { coalesceBytes } from '../pump.js';

/** A server whose sockets are half-open and paused, as the pump wants them. Rejects with the code of what is in the way. */
export function listen(options: ListenOptions, name: string, onSocket: (socket: Socket) => void): Promise<Server> {
  const server = createServer({
    allowHalfOpen: true,
    pauseOnConnect: true,
    noDelay: true,
    highWaterMark: coalesceBytes,
  });
  server.on('connection', onSocket);
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(systemError(error, 'internal', `listening on ${name}`)));
    server.listen(options, () => {
      // Out of file descriptors: the connection is lost, the listener stays.
      server.on('error', () => {});
      resolve(server);
    });
  });
}
