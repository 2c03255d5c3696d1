import { type ChildProcess, type ChildProcessByStdio, type StdioOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { waitFor } from './wait.js';

/** The repository, from test/harness as well as from test/dist/harness. */
export const root = dirname(fileURLToPath(import.meta.url)).replace(/\/test\/(dist\/)?harness$/, '');

export interface LogLine {
  msg: string;
  level?: string;
  [field: string]: unknown;
}

/** One Netport process, with its log as objects. */
export interface RunningProcess {
  readonly name: string;
  readonly pid: number;
  readonly log: readonly LogLine[];
  readonly stdout: readonly string[];
  /** All that it wrote, on stdout and stderr, line by line. */
  readonly output: readonly string[];
  /** The first log line after position `from` that fits. Fails early when the process has ended. */
  waitForLog(what: string | ((line: LogLine) => boolean), from?: number): Promise<LogLine>;
  /** Resident set size now and the largest so far, in bytes. */
  memory(): Promise<{ now: number; peak: number }>;
  /** Sends a signal and goes on: SIGSTOP freezes a process, SIGCONT lets it go on. */
  signal(signal: NodeJS.Signals): void;
  /** Sends a signal and waits for the end. Resolves with the exit code, null after a signal. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  readonly exited: Promise<number | null>;
}

export interface SpawnOptions {
  name: string;
  /** A script for this Node. */
  script: string;
  args: readonly string[];
  env?: Readonly<Record<string, string>>;
  /** A network namespace to run in. */
  namespace?: string | undefined;
  /** A user to run as, without any capability. */
  as?: number | undefined;
  onLog?: (line: LogLine) => void;
}

/** Every process that was started here, ended ones too. */
export const startedProcesses: Pick<RunningProcess, 'name' | 'log'>[] = [];

const running = new Set<ChildProcess>();
// A test run that is interrupted must not leave its processes behind.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export function startProcess(options: SpawnOptions): RunningProcess {
  const { name, onLog } = options;
  const child = spawnScript(options);
  running.add(child);
  const log: LogLine[] = [];
  const stdout: string[] = [];
  const output: string[] = [];
  startedProcesses.push({ name, log });
  // Not `exit`: its last lines may still be on their way then.
  const exited = once(child, 'close').then(([code]) => {
    running.delete(child);
    return code as number | null;
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    stdout.push(line);
    output.push(line);
  });
  createInterface({ input: child.stderr }).on('line', (text) => {
    output.push(text);
    const line = parseLine(text);
    log.push(line);
    onLog?.(line);
  });
  const pid = child.pid;
  if (pid === undefined) throw new Error(`${name} did not start`);

  return {
    name,
    pid,
    log,
    stdout,
    output,
    exited,
    waitForLog: (what, from = 0) => {
      const fits = typeof what === 'string' ? (line: LogLine) => line.msg === what : what;
      return Promise.race([
        waitFor(`${name} to log ${what}`, () => log.slice(from).find(fits)),
        exited.then((code) => {
          const found = log.slice(from).find(fits);
          if (found) return found;
          const tail = log.slice(-5).map((line) => line.msg);
          throw new Error(`${name} ended with ${code} instead of logging ${what}: ${tail.join(' | ')}`);
        }),
      ]);
    },
    memory: async () => {
      const status = await readFile(`/proc/${pid}/status`, 'utf8');
      const kilobytes = (key: string): number => Number(new RegExp(`${key}:\\s+(\\d+)`).exec(status)?.[1] ?? 0);
      return { now: kilobytes('VmRSS') * 1024, peak: kilobytes('VmHWM') * 1024 };
    },
    signal: (signal) => void child.kill(signal),
    stop: async (signal = 'SIGTERM') => {
      child.kill(signal);
      return exited;
    },
  };
}

/** A process that is sent messages, and answers them. */
export function startHelper(options: SpawnOptions): ChildProcess {
  const child = spawnScript(options, ['ignore', 'inherit', 'inherit', 'ipc']);
  running.add(child);
  child.once('exit', () => running.delete(child));
  return child;
}

/** How a command ended. */
export interface Outcome {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** The outcome of a command that ends by itself. */
export async function runCommand(options: SpawnOptions): Promise<Outcome> {
  const child = spawnScript(options);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const [code] = await once(child, 'close');
  return { code, stdout, stderr };
}

function spawnScript(options: SpawnOptions): ChildProcessByStdio<null, Readable, Readable>;
function spawnScript(options: SpawnOptions, stdio: StdioOptions): ChildProcess;
function spawnScript(
  { script, args, env, namespace, as }: SpawnOptions,
  stdio: StdioOptions = ['ignore', 'pipe', 'pipe'],
): ChildProcess {
  const user = as === undefined ? [] : unprivileged(as);
  const command = [...user, process.execPath, script, ...args];
  // `ip netns exec` becomes the program, so the child's id and signals are the program's.
  const [program = '', ...rest] = namespace ? ['ip', 'netns', 'exec', namespace, ...command] : command;
  return spawn(program, rest, {
    env: { ...withoutNetport(process.env), ...env },
    stdio,
  });
}

const unprivileged = (user: number): string[] => [
  ...['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups'],
  ...['--bounding-set=-all', '--inh-caps=-all', '--no-new-privs'],
];

const withoutNetport = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('NETPORT_')));

function parseLine(text: string): LogLine {
  try {
    return JSON.parse(text) as LogLine;
  } catch {
    return { msg: text };
  }
}
