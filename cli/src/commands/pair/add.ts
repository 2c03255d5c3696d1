import { type Endpoint, endpoints, type Name, type TransportPreference, transportPreferences } from '@netport/protocol';
import { type Command, Option } from 'commander';
import { durationArgument, nameArgument, pairSideArgument } from '../../arguments.js';
import { type Cli, connect, type JsonOption, print, printJson, withExample, withJson } from '../../cli.js';
import { printable } from '../../output/table.js';
import { formatPairSide, pairState } from './format.js';

interface AddOptions extends JsonOption {
  from: Endpoint;
  to: Endpoint;
  udp?: boolean;
  transport: TransportPreference;
  owner?: string;
  reason?: string;
  expires?: number;
}

export function pairAdd(group: Command, cli: Cli): void {
  const command = group
    .command('add')
    .description('grant an access pair: one portal listens, the other dials')
    .argument('<name>', 'a–z, 0–9 and -', nameArgument)
    .requiredOption('--from <portal:address:port>', 'where that portal listens', pairSideArgument)
    .requiredOption('--to <portal:address:port>', 'what that portal dials', pairSideArgument)
    .option('--udp', 'carry UDP instead of TCP')
    .addOption(
      new Option('--transport <choice>', 'what should carry it: tcp for bulk, quic for datagrams, loss and roaming')
        .choices(transportPreferences)
        .default('auto'),
    )
    .option('--owner <who>', 'who answers for it (default: the admin that you are)')
    .option('--reason <text>', 'why it is granted')
    .option('--expires <duration>', 'withdraw it after this time, such as 30m, 2h or 7d', durationArgument)
    .action(async (name: Name, { from, to, udp, transport, owner, reason, expires, json }: AddOptions) => {
      const pair = await (await connect(cli)).call(endpoints.pair.add, {
        body: {
          name,
          protocol: udp ? 'udp' : 'tcp',
          from,
          to,
          transport,
          ...(owner !== undefined && { owner }),
          ...(reason !== undefined && { reason }),
          ...(expires !== undefined && { expiresAt: new Date(cli.now() + expires).toISOString() }),
        },
      });
      if (json) {
        printJson(cli, pair);
        return;
      }
      const sides = `${formatPairSide(pair.from)} → ${formatPairSide(pair.to)} (${pair.protocol})`;
      print(cli, `Granted ${name}: ${printable(sides)}. ${pairState(pair)}`);
    });
  withExample(
    withJson(command),
    'netport pair add web --from laptop:127.0.0.1:8080 --to field-gw:10.0.0.5:80',
    'netport pair add db --from laptop:unix:/run/db.sock --to field-gw:[fd00::5]:5432 --expires 2h --reason INC-17',
  );
}
