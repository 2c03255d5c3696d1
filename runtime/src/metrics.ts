import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { asNetportError, type IdentityKind, limits, NetportError } from '@netport/protocol';
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { type Patience, patientServer, usualPatience } from './patience.js';
import { systemError } from './system-error.js';

export interface CommonMetrics {
  role: IdentityKind;
  version: string;
  /** When each certificate that this process needs expires; `leaf` is its own. */
  certificates: () => Readonly<Record<string, Date>>;
}

/** By their names these gauges would be counters; the same figures are there by type. */
const misnamed = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

/** A registry with what every role shows: its process, its build and its certificates. */
export function createRegistry({ role, version, certificates }: CommonMetrics): Registry {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  for (const name of misnamed) registry.removeSingleMetric(name);
  new Gauge({
    name: 'netport_build_info',
    help: 'Always 1: the labels say what runs',
    labelNames: ['role', 'version'],
    registers,
  }).set({ role, version }, 1);
  new Gauge({
    name: 'netport_certificate_expiry_timestamp_seconds',
    help: 'When a certificate expires, in Unix time',
    labelNames: ['certificate'],
    registers,
    collect() {
      for (const [certificate, at] of Object.entries(certificates())) this.set({ certificate }, at.getTime() / 1000);
    },
  });
  return registry;
}

/** What portals and relays show of their control session. */
export function controlSessionMetrics(registry: Registry, session: { up: () => boolean; starts: () => number }): void {
  const registers = [registry];
  new Gauge({
    name: 'netport_control_up',
    help: '1 while the control session stands',
    registers,
    collect() {
      this.set(Number(session.up()));
    },
  });
  new Counter({
    name: 'netport_control_session_starts_total',
    help: 'Times that the control session came up',
    registers,
    collect() {
      this.reset();
      this.inc(session.starts());
    },
  });
}

/**
 * Serves `/metrics` (Prometheus text), `/healthz` (this process answers) and `/readyz` (`ready` does not throw) on
 * `HOST:PORT`, and nothing else. Throws `invalid_request` or `address_in_use`.
 */
export async function serveMetrics(options: {
  address: string;
  registry: Registry;
  /** Throws while this process cannot do its work yet, or any more. */
  ready: () => void | Promise<void>;
  patience?: Patience;
}): Promise<{ url: string; close(): Promise<void> }> {
  const { registry, ready, patience = usualPatience } = options;
  const pages: Record<string, (response: ServerResponse) => Promise<void>> = {
    '/metrics': async (response) => {
      const page = await registry.metrics();
      response.setHeader('content-type', registry.contentType).end(page);
    },
    '/healthz': async (response) => void response.end('ok\n'),
    '/readyz': async (response) => {
      await ready();
      response.end('ok\n');
    },
  };
  const { host, port } = parseListenAddress(options.address);
  const server = createServer(patientServer(patience), (request, response) => {
    response.setHeader('content-type', 'text/plain; charset=utf-8');
    const page = pages[request.url ?? ''];
    if (!page) return void response.writeHead(404).end(`here are ${Object.keys(pages).join(', ')}\n`);
    page(response).catch((thrown: unknown) => {
      const { code, message } = asNetportError(thrown);
      response.writeHead(503).end(`${code}: ${message}\n`);
    });
  });
  server.maxConnections = limits.metricsConnections;
  server.setTimeout(patience.idle);
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
