import { join } from 'node:path';
import { type RunningProcess, root, startProcess } from './process.js';
import { waitFor } from './wait.js';

/** What two applications do with one connection. The one that dials says so in its first bytes. */
export interface Request {
  /** Bytes from the one that dials, and back. */
  up: number;
  down: number;
  /**
   * `at once`: both send at the same time. `afterwards`: the other side sends only after the end of what it gets, so
   * that half of the connection is closed all the time. `reset`: the other side sends, waits until all of it has
   * arrived and ends with a reset.
   */
  answer: 'at once' | 'afterwards' | 'reset';
  /** From so many bytes on, the one that dials reads a little at a time, until it is told to hurry. */
  slowAfter?: number;
}

/** How a connection ended for one side: with both directions whole, or broken by an error. */
export type Ending =
  | { sent: string; received: { bytes: number; sha256: string }; broken?: undefined }
  | { broken: string };

/** What the largest transfers may take on a busy machine, in ms: the test's own time ends before. */
const longestTransfer = 240_000;

/** A service in a namespace that does what its clients ask for. */
export class Service {
  private connections = 0;

  private constructor(
    readonly port: number,
    private readonly process: RunningProcess,
  ) {}

  static async start(namespace: string, host: string): Promise<Service> {
    const process = startApplication('service', namespace, ['serve', host]);
    return new Service(Number((await process.waitForLog('listening')).port), process);
  }

  /** How the next connection ends that it was not asked for yet. Asked in the order of the connections' ends. */
  async nextEnding(): Promise<Ending> {
    const wanted = this.connections++;
    return waitFor('the end of a connection', () => this.endings()[wanted], longestTransfer);
  }

  stop(): Promise<unknown> {
    return this.process.stop('SIGKILL');
  }

  private endings(): Ending[] {
    return this.process.log.filter(({ msg }) => msg === 'ended').map((line) => line.ending as Ending);
  }
}

/** An application's connection from within a namespace. */
export interface Dialled {
  ending: Promise<Ending>;
  /** Resolves when so many bytes have come in. */
  received(bytes: number): Promise<unknown>;
  /** Ends the slowness that it was asked for. */
  hurry(): void;
  /** Resolves with the bytes that have come in when no more do, for as long as four reports in a row. */
  stalled(): Promise<number>;
}

export function dialFrom(namespace: string, to: { host: string; port: number }, request: Request): Dialled {
  const process = startApplication('client', namespace, ['dial', to.host, String(to.port), JSON.stringify(request)]);
  const reports = (): number[] => process.log.filter(({ msg }) => msg === 'progress').map(({ bytes }) => Number(bytes));
  return {
    ending: process.exited.then(() => {
      const line = process.log.find(({ msg }) => msg === 'ended');
      if (!line) throw new Error(`the client ended without a word: ${process.log.map(({ msg }) => msg).join(' | ')}`);
      return line.ending as Ending;
    }),
    received: (bytes) => process.waitForLog((line) => line.msg === 'progress' && Number(line.bytes) >= bytes),
    hurry: () => process.signal('SIGUSR2'),
    stalled: async () => {
      const from = reports().length;
      await process.waitForLog(() => {
        const last = reports().slice(from).slice(-4);
        return last.length === 4 && last.every((bytes) => bytes === last[0]);
      });
      return reports().at(-1) ?? 0;
    },
  };
}

function startApplication(name: string, namespace: string, args: readonly string[]): RunningProcess {
  return startProcess({ name, script: join(root, 'test/dist/harness/traffic.js'), args, namespace });
}
