import { limits, parseDuration } from '@netport/protocol';
import {
  addCommonOptions,
  argument,
  type CommonOptions,
  createLogger,
  environmentOption,
  main,
  otlpOption,
  runProcess,
} from '@netport/runtime';
import { Command } from 'commander';
import { type AuditOptions, addAuditOptions } from './audit/options.js';
import { startControlServer } from './control-server.js';
import { addOidcOptions, type OidcFlags, readOidcOptions } from './oidc-options.js';
import { version } from './version.js';

interface RunOptions extends CommonOptions, AuditOptions, OidcFlags {
  listen: string;
  publicUrl?: string;
  trustDomain?: string;
  databaseUrl?: string;
  certificateLifetime: number;
  caPassphraseFile?: string;
  otlpEndpoint?: string;
}

// SQLite makes its files by the umask: nothing here is for other users.
process.umask(0o077);

const program = new Command('netport-control')
  .description('The Netport control server: inventory, policy, PKI, circuit allocation, audit.')
  .version(version);

const run = new Command('run')
  .description('run the control server (the default command)')
  .addOption(environmentOption('--listen <host:port>', 'where to listen, with TLS').default('0.0.0.0:8443'))
  .addOption(environmentOption('--public-url <url>', 'how portals, relays and admins reach it: https://HOST[:PORT]'))
  .addOption(environmentOption('--trust-domain <name>', 'in every identity; fixed on the first start'))
  .addOption(environmentOption('--database-url <url>', 'file:PATH of the SQLite database; by default in --data'))
  .addOption(
    environmentOption('--certificate-lifetime <duration>', 'of portals and relays, which renew after two thirds of it')
      .argParser(argument(parseDuration))
      .default(limits.leafLifetime, '7d'),
  )
  .addOption(environmentOption('--ca-passphrase-file <file>', 'encrypts the keys of the CA on disk'))
  .addOption(otlpOption())
  .action(async ({ grace, logLevel, ...options }: RunOptions) => {
    const log = createLogger('control', logLevel);
    const oidc = await readOidcOptions(options);
    const start = () =>
      startControlServer({
        ...options,
        oidc,
        log,
        onAdminToken: (token) => process.stdout.write(`admin token: ${token}\n`),
      });
    await runProcess(start, grace);
  });

program.addCommand(addCommonOptions(addOidcOptions(addAuditOptions(run))), { isDefault: true });
await main(program, process.argv);
