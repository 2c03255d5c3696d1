import type { ServerOptions } from 'node:http';
import { limits } from '@netport/protocol';

/** How long an HTTP client may take: for its handshake and header fields, for a whole request, and with nothing said on either side. */
export interface Patience {
  head: number;
  request: number;
  idle: number;
}

export const usualPatience: Patience = {
  head: limits.requestHeadTimeout,
  request: limits.requestTimeout,
  idle: limits.connectionIdle,
};

/** The options of a Node server that has it. */
export const patientServer = ({ head, request }: Patience) =>
  ({
    maxHeaderSize: limits.headerBytes,
    headersTimeout: head,
    requestTimeout: request,
    // How often slow requests are looked for.
    connectionsCheckingInterval: head / 5,
  }) satisfies ServerOptions;
