import { createRequire } from 'node:module';
import {
  addCommonOptions,
  argument,
  type CommonOptions,
  createLogger,
  environmentOption,
  main,
  runProcess,
  tuneGarbageCollection,
} from '@netport/runtime';
import { Command } from 'commander';
import { type DatapathChoice, datapathChoices, parseHost, parsePortRange } from './config.js';
import type { PortRange } from './core/port-pool.js';
import { startRelay } from './relay.js';

interface RunOptions extends CommonOptions {
  join?: string;
  address?: string;
  ports: PortRange;
  datapath: DatapathChoice;
  interface?: string;
  listenAddress?: string;
}

const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

const program = new Command('netport-relay')
  .description('A public host that joins the two legs of a circuit and forwards what it cannot read.')
  .version(version);

addCommonOptions(program.command('run').description('run the relay until SIGTERM'))
  .addOption(environmentOption('--join <token>', 'join token, for the first start'))
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
    environmentOption('--datapath <datapath>', 'how legs are joined')
      .choices([...datapathChoices])
      .default('auto'),
  )
  .addOption(environmentOption('--interface <name>', 'network interface of the xdp datapath'))
  .addOption(environmentOption('--listen-address <ip>', 'where to listen for legs (default: every address)'))
  .action(async (options: RunOptions) => {
    const log = createLogger('relay', options.logLevel);
    tuneGarbageCollection();
    await runProcess(() => startRelay({ ...options, version, log }), options.grace);
  });

await main(program, process.argv);
