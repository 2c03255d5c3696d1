import { createServer, type Server, type Socket } from 'node:net';
import { systemError } from '@netport/runtime';

/**
 * Listens on a port, on every address unless one is named (IPv6 and IPv4 at once where the machine has both).
 * Throws `address_in_use`, `address_unavailable`, `permission_denied` or `limit_exceeded`.
 */
export function listen(options: {
  port: number;
  address?: string | undefined;
  onSocket: (socket: Socket) => void;
  /** A connection could not be accepted; the listener goes on. */
  onFault: (error: Error) => void;
}): Promise<Server> {
  const { port, address, onSocket, onFault } = options;
  const server = createServer({ allowHalfOpen: true }, onSocket);
  return new Promise((resolve, reject) => {
    const fail = (error: Error) => reject(systemError(error, 'internal', `cannot listen on port ${port}`));
    server.once('error', fail);
    server.listen(address === undefined ? { port } : { port, host: address }, () => {
      server.off('error', fail).on('error', onFault);
      resolve(server);
    });
  });
}
