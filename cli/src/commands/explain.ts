import {
  type EventExplanation,
  type Explanation,
  endpoints,
  formatEndpoint,
  type Hop,
  type Name,
} from '@netport/protocol';
import type { Command } from 'commander';
import { countArgument, destinationArgument, nameArgument } from '../arguments.js';
import { type Cli, connect, type JsonOption, print, printJson, withExample, withJson } from '../cli.js';
import { absoluteTime, relativeTime } from '../output/human.js';
import { printable } from '../output/table.js';

interface ExplainOptions extends JsonOption {
  event?: number;
  udp?: boolean;
  probe?: boolean;
}

/** `netport explain`: why a connection works, is denied or fails. `fail` has the command exit with 1. */
export function explain(program: Command, cli: Cli, fail: () => void): void {
  // Typed, so that the compiler knows that its error() does not return.
  const command: Command = program
    .command('explain')
    .description('say why a connection works, is denied or fails, hop by hop; exits with 0 only when it works')
    .argument('[portal]', 'where the application connects', nameArgument)
    .argument('[destination]', 'what it connects to: ADDRESS:PORT, PORT or unix:/path', destinationArgument)
    .option('--udp', 'ask about UDP instead of TCP')
    .option('--probe', 'have the portals try it: build the tunnel, connect to the target and close')
    .option('--event <id>', 'explain what happened instead: an id of netport audit --json', countArgument)
    .action(
      async (
        portal: Name | undefined,
        destination: { address?: string; port?: number } | undefined,
        { event, udp, probe, json }: ExplainOptions,
      ) => {
        const api = await connect(cli);
        const protocol = udp ? ('udp' as const) : ('tcp' as const);
        let answer: Explanation | EventExplanation;
        if (event !== undefined) {
          if (portal || udp || probe) command.error('error: --event goes with nothing but --json.');
          answer = await api.call(endpoints.explain.event, { params: { id: String(event) } });
        } else {
          if (!portal || !destination)
            command.error('error: say at which portal, and what it connects to; or --event ID.');
          const question = { portal, protocol, ...destination };
          answer = probe
            ? await api.call(endpoints.explain.probe, { body: question })
            : await api.call(endpoints.explain.ask, { query: question });
        }
        if (json) printJson(cli, answer);
        else print(cli, explanationText(answer, cli.now()));
        const untried = event === undefined && !probe && answer.verdict === 'unknown';
        if (!json && untried) print(cli, 'have the portals try it: --probe');
        if (answer.verdict !== 'works') fail();
      },
    );
  withExample(
    withJson(command),
    'netport explain laptop 127.0.0.1:8080',
    'netport explain laptop unix:/run/db.sock --probe',
    'netport explain --event 1234',
  );
}

const marks: Readonly<Record<Hop['state'], string>> = { ok: '✔', failed: '✖', warning: '!', unknown: '?' };

function explanationText(answer: Explanation | EventExplanation, now: number): string {
  const { question, verdict, pair, hops, nearest, cause } = answer;
  const { portal, address, port, protocol } = question;
  const place = address ? formatEndpoint({ address, port: port ?? undefined }) : port === null ? null : `port ${port}`;
  const what = place === null ? portal : `${portal} ${place} (${protocol})`;
  const lines = [
    ...('event' in answer ? eventLines(answer.event) : []),
    `${what}: ${verdict}${pair === null ? '' : `, by ${pair}`}`,
    ...hops.map((hop) => hopLine(hop, now)),
    ...nearest.map((near) => `near: ${near.pair}: ${near.difference}`),
    ...(cause ? [`${cause.message} (${cause.code})`, cause.help] : []),
  ];
  return lines.map(printable).join('\n');
}

function hopLine({ hop, state, code, message, at }: Hop, now: number): string {
  const details = [code, at && `${absoluteTime(at)}, ${relativeTime(at, now)}`].filter((text) => text);
  return `${marks[state]} ${hop.padEnd('listener'.length)}  ${message}${details.length > 0 ? ` (${details.join(', ')})` : ''}`;
}

/** What was then; what is now follows. */
function eventLines({ id, at, actor, action, hop, cause, pair, history }: EventExplanation['event']): string[] {
  return [
    `event ${id}: ${action} by ${actor} at ${absoluteTime(at)}${hop ? `, at the ${hop}` : ''}`,
    ...(cause ? [`${cause.message} (${cause.code})`, cause.help] : []),
    ...(pair ? [pair] : []),
    ...history.map(
      (one) => `${one.id < id ? 'before' : 'after'}: ${one.action} by ${one.actor} at ${absoluteTime(one.at)}`,
    ),
    'now:',
  ];
}
