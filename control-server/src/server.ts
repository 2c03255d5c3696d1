import { constants } from 'node:crypto';
import { type RequestListener, STATUS_CODES } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { limits, NetportError } from '@netport/protocol';
import { type Patience, patientServer, usualPatience } from '@netport/runtime';
import { answerBare } from './bare-answer.js';
import type { ServerIdentity } from './state/certificates.js';

/** TLS 1.3's suites, and those of TLS 1.2 that have forward secrecy and authenticated encryption. */
const suites = [
  ...['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'],
  ...['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-ECDSA-CHACHA20-POLY1305'],
].join(':');

/**
 * All of it, each time that a certificate takes the place of another: what a new context leaves out is back at its default. `cas` are
 * only named to clients, some of which present no certificate of others: who is believed is decided later.
 */
export const tlsContext = ({ keyPem, chainPem }: ServerIdentity, cas: readonly string[]) => ({
  key: keyPem,
  cert: chainPem,
  ca: [...cas],
  minVersion: 'TLSv1.2' as const,
  ciphers: suites,
  // A resumed session presents no certificate chain, and outlives a revocation. A renegotiation costs this side far more than the other.
  secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
});

/** The one TLS port. Client certificates are optional here: only `/control`, renewals and devices need one, which is checked there. */
export function createTlsServer(
  context: ReturnType<typeof tlsContext>,
  handler: RequestListener,
  patience: Patience = usualPatience,
): Server {
  const server = createServer(
    {
      ...context,
      requestCert: true,
      rejectUnauthorized: false,
      handshakeTimeout: patience.head,
      ...patientServer(patience),
    },
    handler,
  );
  server.setTimeout(patience.idle);
  server.maxHeadersCount = limits.headerFields;
  server.maxConnections = limits.controlConnections;
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const status = badRequests[error.code ?? ''] ?? (error.code?.startsWith('HPE_') && 400);
    // Before or below HTTP there is nothing to answer.
    if (!status || !socket.writable) return void socket.destroy();
    answerBare(socket, status, { type: 'text/plain', text: `${STATUS_CODES[status]}\n` });
  });
  return server;
}

/** Node's names for what is not good HTTP, beside those of its parser. */
const badRequests: Readonly<Record<string, number>> = { HPE_HEADER_OVERFLOW: 431, ERR_HTTP_REQUEST_TIMEOUT: 408 };

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
