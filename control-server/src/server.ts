import { constants } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { limits, NetportError } from '@netport/protocol';
import type { ServerIdentity } from './state/certificates.js';

/** How often slow requests are looked for. */
const slowCheckInterval = 2000;

/** `cas` are only named to clients, some of which present no certificate of others: who is believed is decided later. */
export const tlsCredentials = ({ keyPem, chainPem }: ServerIdentity, cas: readonly string[]) => ({
  key: keyPem,
  cert: chainPem,
  ca: [...cas],
});

/** The one TLS port. Client certificates are optional here: only `/control` asks for one, and checks it itself. */
export function createTlsServer(identity: ServerIdentity, cas: readonly string[], handler: RequestListener): Server {
  const server = createServer(
    {
      ...tlsCredentials(identity, cas),
      requestCert: true,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      // A resumed session presents no certificate chain, and outlives a revocation.
      secureOptions: constants.SSL_OP_NO_TICKET,
      handshakeTimeout: limits.requestHeadTimeout,
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.requestHeadTimeout,
      requestTimeout: limits.requestTimeout,
      connectionsCheckingInterval: slowCheckInterval,
    },
    handler,
  );
  server.maxHeadersCount = 64;
  server.maxConnections = limits.controlConnections;
  return server;
}

/** Resolves with the port. Throws `address_in_use` or `address_unavailable`. */
export function listen(server: Server, { host, port }: { host: string; port: number }): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const code = cause.code === 'EADDRINUSE' ? 'address_in_use' : 'address_unavailable';
      reject(new NetportError(code, `cannot listen on ${host}:${port}: ${cause.message}`, { cause }));
    });
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port));
  });
}
