import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { NetportError } from '@netport/protocol';
import type { Registry } from 'prom-client';
import { systemError } from './system-error.js';

/** Serves `/metrics` (Prometheus text) on `HOST:PORT`, and nothing else. Throws `invalid_request` or `address_in_use`. */
export async function serveMetrics(options: {
  address: string;
  registry: Registry;
}): Promise<{ url: string; close(): Promise<void> }> {
  const { host, port } = parseListenAddress(options.address);
  const server = createServer(async (request, response) => {
    if (request.url !== '/metrics') return void response.writeHead(404).end('metrics are at /metrics\n');
    response.setHeader('content-type', options.registry.contentType).end(await options.registry.metrics());
  });
  await new Promise<void>((resolve, reject) => {
    const context = `cannot serve metrics on ${options.address}`;
    server.once('error', (error) => reject(systemError(error, 'address_in_use', context)));
    server.listen(port, host, resolve);
  });
  const { port: actual } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${actual}/metrics`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** `0.0.0.0:8443`, `[::]:8443`, `localhost:0` as host and port. Throws `invalid_request`. */
export function parseListenAddress(text: string): { host: string; port: number } {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host === undefined || port > 65535) {
    throw new NetportError('invalid_request', `"${text}" is not HOST:PORT (IPv6 in brackets)`);
  }
  return { host, port };
}
