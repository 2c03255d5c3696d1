import { setTimeout as delay } from 'node:timers/promises';
import { limits, NetportError } from '@netport/protocol';
import {
  type DataDirectory,
  identify,
  keepIdentity,
  type Logger,
  openDataDirectory,
  openRevocationStore,
  type Running,
  serveMetrics,
  trustOf,
} from '@netport/runtime';
import { defaultAddress } from './config.js';
import { openRelaySession, type RelaySession } from './control/session.js';
import type { CircuitReport } from './core/events.js';
import type { PortRange } from './core/port-pool.js';
import { RelayCore } from './core/relay-core.js';
import { chooseDatapath, type DatapathOptions } from './datapath/choose.js';
import { openProbe } from './io/probe.js';
import { RelayIo, type RelayIoOptions } from './io/relay-io.js';
import { relayMetrics } from './metrics.js';

export interface RelayOptions {
  /** The data directory. */
  data: string;
  /** A join token: needed until the relay has an identity. */
  join?: string | undefined;
  /** What portals dial; by default the machine's first IPv4 address that is not the loopback. */
  address?: string | undefined;
  ports: PortRange;
  /** Takes the TCP legs of every circuit, too: a port that every firewall lets out. */
  legPort?: number | undefined;
  /** Where legs are listened for; every address by default. */
  listenAddress?: string | undefined;
  datapath: Omit<DatapathOptions, 'address' | 'listenAddress' | 'data' | 'log'>;
  /** HOST:PORT */
  metrics?: string | undefined;
  version: string;
  log: Logger;
}

/** Starts a relay. Throws `token_*`, `cert_*`, `data_directory_*`, `address_*` or `unavailable`, with what to do. */
export async function startRelay(options: RelayOptions): Promise<Running> {
  const directory = await openDataDirectory(options.data);
  try {
    return await run(options, directory);
  } catch (error) {
    await directory.close();
    throw error;
  }
}

async function run(options: RelayOptions, directory: DataDirectory): Promise<Running> {
  const { log, version, ports, legPort, listenAddress } = options;
  const now = (): Date => new Date();
  const enrolled = await identify({ directory, kind: 'relay', joinToken: options.join, now, log });
  const address = options.address ?? defaultAddress();
  if (!options.address) log.info({ address }, 'portals dial this machine’s first address: --address names another');
  const revocations = await openRevocationStore({ directory, identity: enrolled, log });
  const identity = keepIdentity(enrolled, {
    ...{ directory, now, random: Math.random, log },
    trust: (own) => trustOf(own, revocations.current),
    onChange: () => session?.reportTrust(),
  });

  const probe = await openProbe(ports, listenAddress);
  const datapath = chooseDatapath({ ...options.datapath, address, listenAddress, data: directory.path, log });
  const core = new RelayCore({ ports: probe.ports, legPort });
  let session: RelaySession | undefined;
  const onReport: RelayIoOptions['onReport'] = (report, counters) => {
    logReport(log, report);
    session?.report(report, counters);
  };
  const io = new RelayIo({ core, datapath, listenAddress, onReport, log });
  // Before the control server asks which circuits run.
  io.adopt();
  const closeLegPort = legPort === undefined ? undefined : await io.openLegPort(legPort);
  const metrics = options.metrics
    ? await serveMetrics({
        address: options.metrics,
        registry: relayMetrics({
          ...{ core, io, datapath },
          build: { version, certificates: () => ({ leaf: identity.current.notAfter }) },
          session: () => session,
        }),
        // Ports are listened on from here on; circuits come over the control session.
        ready: () => {
          if (!session?.starts) throw new NetportError('unavailable', 'the control session has not come up yet');
        },
      })
    : undefined;
  log.info(
    { id: enrolled.id, address, ports: probe.ports, legPort, probePort: probe.port, metrics: metrics?.url },
    `relay started with the ${datapath.kind} datapath`,
  );
  const datapathReason = datapath.describe().reason;

  session = openRelaySession({
    identity,
    revocations,
    self: {
      version,
      address,
      probePort: probe.port,
      ...(legPort !== undefined && { legPort }),
      capacity: capacity(probe.ports),
      datapath: datapath.kind,
      datapathReason,
    },
    onEvent: (event) => io.dispatch(event),
    counters: () => io.counters(),
    log,
  });
  const opened = session;
  let draining = false;
  const beginDrain = (): void => {
    draining = true;
    log.info({ circuits: core.counts.circuits }, 'draining');
    io.dispatch({ type: 'drain' });
    opened.drain();
  };
  directory.onStatus(() => ({
    id: enrolled.id,
    certificateExpiresAt: identity.current.notAfter.toISOString(),
    draining,
    online: opened.up,
    since: opened.since,
    address,
    datapath: { kind: datapath.kind, ...datapath.describe() },
    ...core.counts,
    rejected: { ...core.rejected, ...io.dropped },
  }));

  directory.onDrain(beginDrain);

  return {
    drain: async (graceMs) => {
      identity.close();
      beginDrain();
      await until(() => core.counts.circuits === 0, graceMs);
      io.dispatch({ type: 'stop' });
      datapath.close();
      probe.close();
      closeLegPort?.();
      await opened.close();
      await metrics?.close();
      await directory.close();
      log.info('stopped');
    },
  };
}

/** How many circuits fit at once. */
const capacity = ({ first, last }: PortRange): number =>
  Math.min(limits.circuitsPerRelay, Math.floor((last - first + 1) / 2));

function logReport(log: Logger, report: CircuitReport): void {
  const { type, circuitId } = report;
  const level = type === 'refused' ? 'warn' : 'info';
  log[level]({ circuitId, ...('code' in report && { code: report.code }) }, `circuit ${type}`);
}

/** Resolves when the condition holds, or after `timeoutMs`. */
async function until(condition: () => boolean, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!condition() && performance.now() < deadline) await delay(100);
}
