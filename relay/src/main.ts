import { createRequire } from 'node:module';
import { limits, NetportError, parseDuration } from '@netport/protocol';
import {
  addCommonOptions,
  argument,
  type CommonOptions,
  createLogger,
  dataOption,
  environmentOption,
  main,
  runProcess,
  tuneGarbageCollection,
} from '@netport/runtime';
import { Command } from 'commander';
import { parseCount, parseHost, parseInterfaces, parsePort, parsePortRange } from './config.js';
import type { PortRange } from './core/port-pool.js';
import { type DatapathChoice, datapathChoices, type PromotionChoice, promotionChoices } from './datapath/choose.js';
import { drainRelay } from './drain.js';
import { startRelay } from './relay.js';

interface RunOptions extends CommonOptions {
  join?: string;
  address?: string;
  ports: PortRange;
  legPort?: number;
  datapath: DatapathChoice;
  tcpPromotion: PromotionChoice;
  interface?: string[];
  kernelCircuits: number;
  pinDirectory: string;
  listenAddress?: string;
}

const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

const program = new Command('netport-relay')
  .description('A public host that joins the two legs of a circuit and forwards what it cannot read.')
  .version(version);

addCommonOptions(program.command('run').description('run the relay until SIGTERM'))
  .addOption(
    environmentOption('--join <token>', 'join token, for the first start or after its certificate has expired'),
  )
  .addOption(
    environmentOption(
      '--address <ip or name>',
      'what portals dial (default: the first IPv4 address of this machine)',
    ).argParser(argument(parseHost)),
  )
  .addOption(
    environmentOption('--ports <first-last>', 'ports for legs')
      .argParser(argument(parsePortRange))
      .default({ first: 40000, last: 49999 }, '40000-49999'),
  )
  .addOption(
    environmentOption(
      '--leg-port <port>',
      'takes TCP legs of all circuits, too: 443 or 80, where firewalls let no more out',
    ).argParser(argument(parsePort)),
  )
  .addOption(
    environmentOption('--datapath <datapath>', 'who forwards: the kernel (xdp), or this process (userspace)')
      .choices([...datapathChoices])
      .default('auto'),
  )
  .addOption(
    environmentOption('--tcp-promotion <hook>', 'where the kernel takes over TCP circuits (auto: tc)')
      .choices([...promotionChoices])
      .default('auto'),
  )
  .addOption(
    environmentOption(
      '--interface <names>',
      'where legs come in, such as eth0 or eth0,eth1 (default: the one with the address, or with the default route)',
    ).argParser(argument(parseInterfaces)),
  )
  .addOption(
    environmentOption('--kernel-circuits <number>', 'circuits that the kernel has room for')
      .argParser(argument(parseCount))
      .default(limits.circuitsPerRelay),
  )
  .addOption(
    environmentOption('--pin-directory <dir>', 'in a BPF filesystem: what lets circuits survive a restart').default(
      '/sys/fs/bpf/netport',
    ),
  )
  .addOption(environmentOption('--listen-address <ip>', 'where to listen for legs (default: every address)'))
  .action(async (options: RunOptions) => {
    const log = createLogger('relay', options.logLevel);
    tuneGarbageCollection();
    const { datapath, tcpPromotion, interface: interfaces, kernelCircuits, pinDirectory } = options;
    const datapathOptions = { datapath, tcpPromotion, interfaces, kernelCircuits, pinDirectory };
    await runProcess(() => startRelay({ ...options, datapath: datapathOptions, version, log }), options.grace);
  });

program
  .command('drain')
  .description(
    'have the relay that runs on DIR take no new circuits, and wait until it is empty; SIGTERM then ends it at once',
  )
  .addOption(dataOption())
  .addOption(
    environmentOption('--wait <duration>', 'how long running circuits may take to end or move')
      .argParser(argument(parseDuration))
      .default(limits.drainGrace, '30s'),
  )
  .action(async ({ data, wait }: { data: string; wait: number }) => {
    const circuits = await drainRelay(data, wait);
    if (circuits > 0) throw new NetportError('draining', `after ${wait / 1000} s ${circuits} circuits still run here`);
    process.stdout.write('No circuit runs here any more, and no new one will.\n');
  });

await main(program, process.argv);
