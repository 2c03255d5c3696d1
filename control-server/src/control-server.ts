import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import {
  type DataDirectory,
  keepRenewed,
  type Logger,
  openDataDirectory,
  openTracing,
  type Running,
  serveMetrics,
} from '@netport/runtime';
import { serverAddresses } from './addresses.js';
import { createApp } from './app.js';
import { keepRetention } from './audit/retention.js';
import { type SinkSettings, startSinks } from './audit/sinks.js';
import { loadAuthority } from './authority/load-authority.js';
import { readPassphrase } from './authority/passphrase.js';
import { inProcessBus } from './bus/in-process.js';
import { Live } from './live/live.js';
import { createMetrics } from './metrics.js';
import { OidcClient, type OidcOptions } from './oidc.js';
import { createTlsServer, listen, tlsCredentials } from './server.js';
import { Signalling } from './signalling/signalling.js';
import { keepAdminToken, makeAdminToken } from './state/admin.js';
import { chainOldEvents } from './state/audit.js';
import { issueServerIdentity, type ServerIdentity } from './state/certificates.js';
import { controlId, type StateContext } from './state/context.js';
import { deviceAnchors } from './state/device-authorities.js';
import { checkReady } from './state/health.js';
import { Passwords } from './state/passwords.js';
import { Refusals } from './state/refusals.js';
import { openStore } from './store/open-store.js';
import { version } from './version.js';

export interface ControlServerOptions extends SinkSettings {
  /** The data directory. */
  data: string;
  /** `HOST:PORT`; port 0 takes a free one. */
  listen: string;
  /** What goes into join tokens; made from `listen` by default. */
  publicUrl?: string;
  trustDomain?: string;
  /** `file:…`; a file in the data directory by default. */
  databaseUrl?: string;
  /** A file with the passphrase that the CA's keys are encrypted with. */
  caPassphraseFile?: string;
  /** Milliseconds that certificates of portals and relays are good for. */
  certificateLifetime?: number;
  /** `HOST:PORT` */
  metrics?: string;
  /** Milliseconds after which audit events are removed; never unless given. */
  auditRetention?: number;
  /** Base URL of an OpenTelemetry collector. */
  otlpEndpoint?: string;
  /** With whom people can sign in. */
  oidc?: OidcOptions | undefined;
  log: Logger;
  now?: () => Date;
  /** Called with the admin token when it was made just now. */
  onAdminToken?: (token: string) => void;
}

export interface ControlServer extends Running {
  /** `https://host:port`, as join tokens carry it. */
  url: string;
  /** Every root that counts: more than one while one takes the place of another. */
  readonly rootPem: string;
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
  const addresses = serverAddresses(options);

  const directory = await openDataDirectory(options.data);
  closers.push(() => directory.close());
  const passphrase = options.caPassphraseFile ? await readPassphrase(options.caPassphraseFile) : undefined;
  const { authority, trustDomain } = await loadAuthority(directory, options.trustDomain, now(), passphrase);
  const store = await openStore(options.databaseUrl ?? `file:${join(directory.path, 'netport.db')}`, now);
  closers.push(() => store.close());
  const metrics = createMetrics({
    version,
    certificates: () => ({
      leaf: identity.notAfter,
      issuer: expiryOf(authority.issuerPem),
      root: expiryOf(authority.rootPem),
    }),
  });
  const tracing = await openTracing({
    endpoint: options.otlpEndpoint,
    ...{ role: 'control', id: controlId(trustDomain), version, log },
  });
  closers.push(() => tracing.close());
  const context: StateContext = {
    store,
    authority,
    trustDomain,
    // The real port follows below; nobody can ask for a join token before that.
    publicUrl: addresses.url(addresses.listen.port),
    now,
    ...(options.certificateLifetime !== undefined && { certificateLifetime: options.certificateLifetime }),
    onAudit: ({ action, code }) => metrics.auditEvents.inc({ action, code: code ?? '' }),
  };
  await chainOldEvents(context);
  await loadAdminToken(context, directory, options.onAdminToken);
  let identity = await issueServerIdentity(context, addresses.names);

  const bus = inProcessBus();
  closers.push(() => bus.close());
  const refusals = new Refusals(context);
  const signalling = await Signalling.start({
    ...{ context, bus, refusals, metrics, tracing, log },
    signer: () => identity,
  });
  closers.push(() => signalling.stop());
  const { presence, inspection } = signalling;
  const live = new Live({ context, presence, inspection, log });
  closers.push(() => live.stop());
  const app = createApp({
    context,
    presence,
    inspection,
    live,
    bus,
    refusals,
    passwords: new Passwords(),
    oidc: options.oidc && new OidcClient(options.oidc),
    settled: () => signalling.settled(),
    deviceAuthoritiesChanged: () => secure(),
    revocationList: () => signalling.revocations.der,
    log,
    metrics,
  });
  const clientCas = async (): Promise<string[]> => [authority.rootPem, ...(await deviceAnchors(context))];
  const server = createTlsServer(identity, await clientCas(), app);
  const secure = async (): Promise<void> => server.setSecureContext(tlsCredentials(identity, await clientCas()));
  const renewIdentity = async (): Promise<ServerIdentity> => {
    identity = await issueServerIdentity(context, addresses.names);
    await secure();
    return identity;
  };
  authority.onStep = async () => void (await renewIdentity());
  server.on('upgrade', (request, socket, head) => void signalling.upgrade(request, socket, head));
  const port = await listen(server, addresses.listen);
  closers.push(() => {
    server.close();
    server.closeAllConnections();
  });
  context.publicUrl = addresses.url(port);

  const renewals = keepRenewed(identity, { renew: renewIdentity, now, random: Math.random, log });
  closers.push(() => renewals.close());
  if (options.metrics !== undefined) {
    const metricsServer = await serveMetrics({
      address: options.metrics,
      registry: metrics.registry,
      ready: () => checkReady(context),
    });
    closers.push(() => metricsServer.close());
    log.info({ url: metricsServer.url }, 'metrics');
  }
  if (options.auditRetention !== undefined) {
    closers.push(keepRetention({ context, retention: options.auditRetention, log }));
  }
  const hostname = new URL(context.publicUrl).hostname;
  closers.push(await startSinks(options, { context, hostname, metrics, log }));
  directory.onStatus(() => ({ url: context.publicUrl, trustDomain }));
  log.info({ url: context.publicUrl, trustDomain }, 'listening');

  return {
    url: context.publicUrl,
    get rootPem() {
      return authority.rootPem;
    },
    drain: async (graceMs) => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      live.stop();
      await signalling.stop();
      server.closeIdleConnections();
      const deadline = new Promise<void>((resolve) => setTimeout(resolve, graceMs).unref());
      await Promise.race([closed, deadline]);
      await closeAll();
    },
  };
}

const expiryOf = (pem: string): Date => new Date(new X509Certificate(pem).validTo);

/**
 * The file decides: where it is there, its token is the admin token; where it was deleted, a new one is made and the
 * old one stops working.
 */
async function loadAdminToken(
  context: StateContext,
  directory: DataDirectory,
  onMade: ((token: string) => void) | undefined,
): Promise<void> {
  const kept = (await directory.read(adminTokenFile))?.trim() || undefined;
  const token = kept ?? makeAdminToken();
  await keepAdminToken(context, token);
  if (kept !== undefined) return;
  await directory.write(adminTokenFile, `${token}\n`);
  onMade?.(token);
}
