import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { auditEventSchema, auditExport, ChainCheck, endpoints, NetportError } from '@netport/protocol';
import { type Command, InvalidArgumentError } from 'commander';
import { type Cli, connect, type JsonOption, print, printJson, withExample, withJson } from '../cli.js';

interface Position {
  id: number;
  hash: string;
}

interface VerifyOptions extends JsonOption {
  file?: string;
  expect?: Position;
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

function positionArgument(text: string): Position {
  const [, id, hash] = /^([1-9]\d{0,14}):([0-9a-f]{64})$/.exec(text) ?? [];
  if (id === undefined || hash === undefined)
    throw new InvalidArgumentError('write ID:HASH, as an earlier verify printed it.');
  return { id: Number(id), hash };
}

/** `netport audit verify`: every hash is computed here, out of what the server or a file says. */
export function auditVerifyCommand(group: Command, cli: Cli): void {
  const command = group
    .command('verify')
    .description('check that no event was changed, removed or put in since it was written')
    .option('--file <file>', 'check an export instead of the server: all of it, or all from some time on')
    .option(
      '--expect <id:hash>',
      'an event that must be there, as an earlier verify or a sink has it',
      positionArgument,
    )
    .action(async ({ file, expect, json }: VerifyOptions) => {
      const { lines, head } = file === undefined ? await online(cli) : { lines: linesOf(file), head: undefined };
      const check = await walk(lines, expect);
      if (head && (check.last?.id ?? 0) < head.id) throw broken((check.last?.id ?? 0) + 1, 'the trail ends before it');
      if (head && check.missingBefore)
        throw broken(check.missingBefore - 1, 'no event of retention says that it was removed');
      const { count, last, missingBefore } = check;
      if (json) printJson(cli, { count, last: last ?? null, missingBefore: missingBefore ?? null });
      else print(cli, summary(check));
    });
  withExample(withJson(command), 'netport audit verify', 'netport audit verify --file audit.jsonl');
}

async function online(cli: Cli): Promise<{ lines: AsyncIterable<string>; head: Position }> {
  const api = await connect(cli);
  // Before the events: what is written meanwhile only adds to them.
  const head = await api.call(endpoints.audit.head, {});
  return { lines: api.lines(auditExport.path, {}), head };
}

async function* linesOf(file: string): AsyncIterable<string> {
  const input = createReadStream(file);
  try {
    yield* createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
    if (input.errored) throw input.errored;
  } catch (cause) {
    throw new NetportError('not_found', `cannot read ${file}: ${(cause as Error).message}`, { cause });
  }
}

/** Throws `audit_chain_broken` at the first event that is not as it was written. */
async function walk(lines: AsyncIterable<string>, expect: Position | undefined): Promise<ChainCheck> {
  const check = new ChainCheck(sha256);
  let met = expect === undefined;
  for await (const line of lines) {
    if (line === '') continue;
    const event = parseEvent(line, (check.last?.id ?? 0) + 1);
    const found = check.next(event);
    if (found) throw broken(found.id, found.why);
    if (event.id !== expect?.id) continue;
    if (event.hash !== expect.hash) throw broken(event.id, `its hash is not ${expect.hash}`);
    met = true;
  }
  if (!met && expect) throw broken(expect.id, 'it is not there');
  return check;
}

function parseEvent(line: string, next: number) {
  try {
    return auditEventSchema.parse(JSON.parse(line));
  } catch (cause) {
    throw new NetportError('audit_chain_broken', `where event ${next} should be, there is no audit event`, { cause });
  }
}

const broken = (id: number, why: string): NetportError => new NetportError('audit_chain_broken', `event ${id}: ${why}`);

function summary({ count, last, missingBefore }: ChainCheck): string {
  if (!last) return 'There are no events.';
  const before = missingBefore === undefined ? '' : ` What was before event ${missingBefore} is not in it.`;
  return `${count} events, up to ${last.id}: the chain is whole.${before}\nThe last is ${last.id}:${last.hash}`;
}
