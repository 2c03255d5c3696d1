import { asNetportError, limits, NetportError, parseDuration } from '@netport/protocol';
import { type Command, InvalidArgumentError, Option } from 'commander';

/** A role that runs until it is told to stop. */
export interface Running {
  /** Takes no new work, lets what runs finish within `graceMs`, then stops. */
  drain(graceMs: number): Promise<void>;
}

export interface CommonOptions {
  data: string;
  metrics?: string;
  grace: number;
  logLevel: string;
}

/** An option that can also be given in the environment: `--public-url` as NETPORT_PUBLIC_URL. */
export function environmentOption(flags: string, description: string): Option {
  const option = new Option(flags, description);
  return option.env(`NETPORT_${option.long?.slice(2).replaceAll('-', '_').toUpperCase()}`);
}

/** A commander argument parser out of any function that throws: commander prints its message as a usage error. */
export const argument =
  <T>(parse: (text: string) => T) =>
  (text: string): T => {
    try {
      return parse(text);
    } catch (error) {
      throw new InvalidArgumentError((error as Error).message);
    }
  };

export const dataOption = (): Option =>
  environmentOption('--data <dir>', 'directory for keys and state').makeOptionMandatory();

const parseHttpUrl = (text: string): string => {
  const { protocol } = new URL(text);
  if (protocol !== 'http:' && protocol !== 'https:') throw new Error('an http or https URL is needed');
  return text;
};

/** OpenTelemetry's own variable, which other programs on the machine follow too. */
export const otlpOption = (): Option =>
  new Option('--otlp-endpoint <url>', 'send traces of circuit set-up to this OpenTelemetry collector (OTLP over HTTP)')
    .env('OTEL_EXPORTER_OTLP_ENDPOINT')
    .argParser(argument(parseHttpUrl));

/** --data, --metrics, --grace, --log-level: what all roles share. */
export const addCommonOptions = (command: Command): Command =>
  command
    .addOption(dataOption())
    .addOption(environmentOption('--metrics <host:port>', 'serve /metrics (Prometheus), /healthz and /readyz there'))
    .addOption(
      environmentOption('--grace <duration>', 'how long running streams may take to finish on SIGTERM')
        .argParser(argument(parseDuration))
        .default(limits.drainGrace, '30s'),
    )
    .addOption(
      environmentOption('--log-level <level>', 'how much to log')
        .choices(['debug', 'info', 'warn', 'error'])
        .default('info'),
    );

/** Starts a role; SIGTERM or SIGINT drains it, a second one ends it at once. Resolves when it has stopped. */
export async function runProcess(start: () => Promise<Running>, graceMs: number): Promise<void> {
  const signalled = new Promise<void>((resolve) => {
    let signals = 0;
    const onSignal = (): void => {
      signals += 1;
      if (signals > 1) process.exit(1);
      resolve();
    };
    process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  });
  const running = await start();
  await signalled;
  await running.drain(graceMs);
}

/** Parses the command line and runs it. Exit code 0 ok, 1 failed, 2 usage; errors are printed with what to do. */
export async function main(program: Command, argv: readonly string[]): Promise<never> {
  forEachCommand(program, (command) =>
    command.showHelpAfterError('(add --help for all options)').exitOverride((error) => {
      process.exit(error.exitCode === 0 ? 0 : 2);
    }),
  );
  try {
    await program.parseAsync(argv);
    process.exit(0);
  } catch (thrown) {
    const error = asNetportError(thrown);
    process.stderr.write(`error: ${error.message} (${error.code})\n${error.help}\n`);
    if (!(thrown instanceof NetportError) && thrown instanceof Error) process.stderr.write(`${thrown.stack}\n`);
    process.exit(1);
  }
}

function forEachCommand(command: Command, apply: (command: Command) => void): void {
  apply(command);
  for (const child of command.commands) forEachCommand(child, apply);
}
