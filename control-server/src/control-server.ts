import { hostname } from 'node:os';
import { join } from 'node:path';
import { formatSocketAddress, NetportError } from '@netport/protocol';
import { type Logger, openDataDirectory, parseListenAddress, type Running, serveMetrics } from '@netport/runtime';
import { createApp } from './app.js';
import { loadAuthority } from './authority.js';
import { inProcessBus } from './bus/in-process.js';
import { createMetrics } from './metrics.js';
import { createTlsServer, listen, tlsCredentials } from './server.js';
import { issueServerIdentity, renewServerIdentity } from './server-identity.js';
import { Signalling } from './signalling/signalling.js';
import { keepAdminToken, makeAdminToken } from './state/admin.js';
import type { StateContext } from './state/context.js';
import { openStore } from './store/open-store.js';

export interface ControlServerOptions {
  /** The data directory. */
  data: string;
  /** `HOST:PORT`; port 0 takes a free one. */
  listen: string;
  /** What goes into join tokens; made from `listen` by default. */
  publicUrl?: string;
  trustDomain?: string;
  /** `file:…`; a file in the data directory by default. */
  databaseUrl?: string;
  /** `HOST:PORT` */
  metrics?: string;
  log: Logger;
  now?: () => Date;
  /** Called with the admin token when it was made just now. */
  onAdminToken?: (token: string) => void;
}

export interface ControlServer extends Running {
  /** `https://host:port`, as join tokens carry it. */
  url: string;
  rootPem: string;
}

const adminTokenFile = 'admin-token';

/** Starts everything in order; what was opened is closed again, in reverse, when a step fails. */
export async function startControlServer(options: ControlServerOptions): Promise<ControlServer> {
  const closers: (() => unknown)[] = [];
  const closeAll = async (): Promise<void> => {
    for (const close of closers.reverse().splice(0)) await close();
  };
  try {
    return await start(options, closers, closeAll);
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function start(
  options: ControlServerOptions,
  closers: (() => unknown)[],
  closeAll: () => Promise<void>,
): Promise<ControlServer> {
  const { log } = options;
  const now = options.now ?? (() => new Date());
  const address = parseListenAddress(options.listen);

  const directory = await openDataDirectory(options.data);
  closers.push(() => directory.close());
  const { authority, trustDomain } = await loadAuthority(directory, options.trustDomain, now());
  const store = await openStore(options.databaseUrl ?? `file:${join(directory.path, 'netport.db')}`, now);
  closers.push(() => store.close());

  const adminToken = (await directory.read(adminTokenFile))?.trim() || undefined;
  const token = adminToken ?? makeAdminToken();
  await keepAdminToken(store, token, now());
  if (adminToken === undefined) {
    await directory.write(adminTokenFile, `${token}\n`);
    options.onAdminToken?.(token);
  }

  const metrics = createMetrics();
  const context: StateContext = {
    store,
    authority,
    trustDomain,
    publicUrl: '',
    now,
    onAudit: ({ action, code }) => metrics.auditEvents.inc({ action, code: code ?? '' }),
  };
  const host = isWildcard(address.host) ? hostname() : address.host;
  const names = [...new Set([urlHost(options.publicUrl) ?? host, 'localhost', '127.0.0.1', '::1', hostname()])];
  let identity = await issueServerIdentity(context, names);

  const bus = inProcessBus();
  const signalling = await Signalling.start({ context, bus, signer: () => identity, metrics, log });
  const app = createApp({
    context,
    presence: signalling.presence,
    inspection: signalling.inspection,
    bus,
    revocationList: () => signalling.revocations.der,
    log,
    metrics,
  });
  const server = createTlsServer(identity, authority.rootPem, app);
  server.on('upgrade', (request, socket, head) => void signalling.upgrade(request, socket, head));
  closers.push(() => signalling.stop());

  const port = await listen(server, address.host, address.port);
  closers.push(() => server.closeAllConnections());
  context.publicUrl = options.publicUrl ?? `https://${formatSocketAddress(host, port)}`;

  closers.push(
    renewServerIdentity(identity, {
      issue: () => issueServerIdentity(context, names),
      onIssued: (issued) => {
        identity = issued;
        server.setSecureContext(tlsCredentials(issued, authority.rootPem));
        log.info({ notAfter: issued.notAfter }, 'server certificate renewed');
      },
      now,
      log,
    }),
  );
  if (options.metrics !== undefined) {
    const metricsServer = await serveMetrics({ address: options.metrics, registry: metrics.registry });
    closers.push(() => metricsServer.close());
    log.info({ url: metricsServer.url }, 'metrics');
  }
  directory.onStatus(() => ({ url: context.publicUrl, trustDomain }));
  log.info({ url: context.publicUrl, trustDomain }, 'listening');

  return {
    url: context.publicUrl,
    rootPem: authority.rootPem,
    drain: async (graceMs) => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await signalling.stop();
      server.closeIdleConnections();
      const deadline = new Promise<void>((resolve) => setTimeout(resolve, graceMs).unref());
      await Promise.race([closed, deadline]);
      await closeAll();
    },
  };
}

const isWildcard = (host: string): boolean => host === '0.0.0.0' || host === '::';

/** The host of the public URL, without brackets. Throws `invalid_request`. */
function urlHost(publicUrl: string | undefined): string | undefined {
  if (publicUrl === undefined) return undefined;
  const url = URL.canParse(publicUrl) ? new URL(publicUrl) : undefined;
  if (url?.protocol !== 'https:' || url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    throw new NetportError('invalid_request', `--public-url "${publicUrl}" is not https://HOST[:PORT]`);
  }
  return url.hostname.replace(/^\[|\]$/g, '');
}
