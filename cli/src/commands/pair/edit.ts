import {
  type Endpoint,
  endpoints,
  type Name,
  NetportError,
  type Protocol,
  protocolSchema,
  type TransportPreference,
  transportPreferences,
} from '@netport/protocol';
import { type Command, Option } from 'commander';
import { countArgument, durationArgument, nameArgument, pairSideArgument } from '../../arguments.js';
import { type Cli, connect, type JsonOption, print, printJson, withExample, withJson } from '../../cli.js';
import { pairState } from './format.js';

interface EditOptions extends JsonOption {
  from?: Endpoint;
  to?: Endpoint;
  protocol?: Protocol;
  transport?: TransportPreference;
  owner?: string;
  reason?: string;
  /** False for --no-expires. */
  expires?: number | false;
  revision?: number;
}

export function pairEdit(group: Command, cli: Cli): void {
  const command = group
    .command('edit')
    .description('change an access pair; its streams end where they are no longer granted')
    .argument('<name>', 'the access pair', nameArgument)
    .option('--from <portal:address:port>', 'where that portal listens', pairSideArgument)
    .option('--to <portal:address:port>', 'what that portal dials', pairSideArgument)
    .addOption(new Option('--protocol <choice>', 'what it carries').choices(protocolSchema.options))
    .addOption(new Option('--transport <choice>', 'what should carry it').choices(transportPreferences))
    .option('--owner <who>', 'who answers for it')
    .option('--reason <text>', 'why it is granted')
    .option('--expires <duration>', 'withdraw it after this time, such as 30m, 2h or 7d', durationArgument)
    .option('--no-expires', 'never withdraw it')
    .option('--revision <number>', 'only if it still has this revision, as netport pair show told it', countArgument)
    .action(async (name: Name, { json, expires, revision, ...settings }: EditOptions) => {
      const body = {
        ...settings,
        ...(expires !== undefined && {
          expiresAt: expires === false ? null : new Date(cli.now() + expires).toISOString(),
        }),
      };
      if (Object.keys(body).length === 0) {
        throw new NetportError(
          'invalid_request',
          `nothing to change: netport pair edit ${name} --help shows what can be`,
        );
      }
      const api = await connect(cli);
      const pair = await api.call(endpoints.pair.change, { params: { name }, body, revision });
      if (json) printJson(cli, pair);
      else print(cli, `Changed ${name}: revision ${pair.revision}. ${pairState(pair)}`);
    });
  withExample(
    withJson(command),
    'netport pair edit web --to field-gw:10.0.0.6:80 --reason "moved to the new server"',
    'netport pair edit web --no-expires --revision 3',
  );
}
