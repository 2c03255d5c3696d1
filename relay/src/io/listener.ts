import { createServer, type Server, type Socket } from 'node:net';
import { type ErrorCode, NetportError } from '@netport/protocol';

const codes: Record<string, ErrorCode> = {
  EADDRINUSE: 'address_in_use',
  EADDRNOTAVAIL: 'address_unavailable',
  EAFNOSUPPORT: 'address_unavailable',
  EACCES: 'permission_denied',
  EMFILE: 'limit_exceeded',
  ENFILE: 'limit_exceeded',
};

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
    const fail = (cause: NodeJS.ErrnoException) => {
      const code = codes[cause.code ?? ''] ?? 'internal';
      reject(new NetportError(code, `cannot listen on port ${port}: ${cause.message}`, { cause }));
    };
    server.once('error', fail);
    server.listen(address === undefined ? { port } : { port, host: address }, () => {
      server.off('error', fail).on('error', onFault);
      resolve(server);
    });
  });
}
