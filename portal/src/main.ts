import { limits, parseDuration, type TransportPreference, transportPreferences } from '@netport/protocol';
import {
  addCommonOptions,
  argument,
  type CommonOptions,
  createLogger,
  dataOption,
  endLeanStart,
  environmentOption,
  identify,
  main,
  openDataDirectory,
  otlpOption,
  parseProxy,
  queryStatus,
  runProcess,
  serveMetrics,
  tuneGarbageCollection,
} from '@netport/runtime';
import { Command, type Option } from 'commander';
import {
  addDeviceOptions,
  controlUrlOption,
  type DeviceFlags,
  isControlUrl,
  readDeviceOptions,
  requireDevice,
} from './device-options.js';
import { Portal, type PortalStatus } from './portal.js';
import { formatStatus } from './status.js';
import { type Congestion, congestions } from './tunnel/quic/config.js';
import { version } from './version.js';

interface RunOptions extends CommonOptions, DeviceFlags {
  join?: string;
  transport: TransportPreference;
  congestion: Congestion;
  udpIdle: number;
  proxy?: URL;
  otlpEndpoint?: string;
}

const proxyOption = (): Option =>
  environmentOption('--proxy <url>', 'HTTP proxy for all but UDP, instead of HTTPS_PROXY').argParser(
    argument(parseProxy),
  );

/** The environment may name one for everybody. */
const proxyFromEnvironment = (): URL | undefined =>
  process.env.HTTPS_PROXY ? parseProxy(process.env.HTTPS_PROXY) : undefined;

const program = new Command('netport-portal')
  .description('The agent on a device or a gateway: carries the access pairs that its policy permits.')
  .version(version);

const run = program.command('run').description('run the portal until SIGTERM');
addDeviceOptions(addCommonOptions(run).addOption(controlUrlOption()))
  .addOption(
    environmentOption('--join <token>', 'join token, for the first start or after its certificate has expired'),
  )
  .addOption(
    environmentOption(
      '--transport <transport>',
      'what tunnels run over; auto: QUIC, or TCP where it does not get through',
    )
      .choices(transportPreferences)
      .default('auto'),
  )
  .addOption(
    environmentOption('--congestion <algorithm>', 'how tunnels find out what their path carries')
      .choices(congestions)
      .default('bbr'),
  )
  .addOption(
    environmentOption('--udp-idle <duration>', 'how long a UDP client may neither send nor get anything')
      .argParser(argument(parseDuration))
      .default(limits.flowIdle, '30s'),
  )
  .addOption(proxyOption())
  .addOption(otlpOption())
  .action(async ({ data, join, transport, congestion, udpIdle, metrics, grace, logLevel, ...options }: RunOptions) => {
    const { proxy = proxyFromEnvironment(), otlpEndpoint } = options;
    const log = createLogger('portal', logLevel);
    const device = readDeviceOptions(options);
    tuneGarbageCollection();
    await runProcess(async () => {
      const portal = new Portal({
        ...{ data, log, device, transport, congestion, flowIdle: udpIdle, proxy, otlpEndpoint },
        ...(join && { joinToken: join }),
      });
      portal.once('tunnel', endLeanStart);
      await portal.start();
      const endpoint = metrics
        ? await serveMetrics({ address: metrics, registry: portal.metrics, ready: () => portal.checkReady() })
        : undefined;
      log.info({ id: portal.status().id, metrics: endpoint?.url }, 'portal started');
      return {
        drain: async (graceMs) => {
          await portal.stop({ graceMs });
          await endpoint?.close();
        },
      };
    }, grace);
  });

const enroll = program
  .command('enroll')
  .description(
    'turn a join token or a device certificate into an identity, the first one or a new one, without running',
  )
  .argument('<token-or-url>', 'the join token; with a device certificate, https://HOST[:PORT] of the control server');
addDeviceOptions(enroll.addOption(dataOption()))
  .addOption(proxyOption())
  .action(async (tokenOrUrl: string, options: { data: string; proxy?: URL } & DeviceFlags) => {
    const { data, proxy = proxyFromEnvironment(), ...flags } = options;
    const how = isControlUrl(tokenOrUrl)
      ? { device: requireDevice({ ...flags, controlUrl: tokenOrUrl }) }
      : { joinToken: tokenOrUrl };
    const directory = await openDataDirectory(data);
    try {
      const identity = await identify({
        ...{ directory, kind: 'portal', ...how, log: createLogger('portal'), proxy },
        anew: true,
        now: () => new Date(),
      });
      process.stdout.write(`${identity.id}\n`);
    } finally {
      await directory.close();
    }
  });

program
  .command('status')
  .description('show what the portal that runs on a data directory does')
  .addOption(dataOption())
  .option('--json', 'print JSON')
  .action(async ({ data, json }: { data: string; json?: true }) => {
    const status = (await queryStatus(data)) as PortalStatus;
    process.stdout.write(json ? `${JSON.stringify(status, undefined, 2)}\n` : formatStatus(status));
  });

await main(program, process.argv);
