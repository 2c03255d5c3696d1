import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { type Outcome, root, startHelper } from './process.js';
import { type Deferred, deferred } from './wait.js';

export interface Asked {
  id: number;
  args: readonly string[];
  env: Readonly<Record<string, string>>;
}
export type Answered = Outcome & { id: number };

/** The command line client, in one process for all that it is asked. */
export class CommandLine {
  private helper: ChildProcess | undefined;
  private readonly pending = new Map<number, Deferred<Outcome>>();
  private asked = 0;

  constructor(private readonly namespace: string | undefined) {}

  run(args: readonly string[], env: Asked['env']): Promise<Outcome> {
    this.helper ??= this.start();
    const id = this.asked++;
    const answer = deferred<Outcome>();
    this.pending.set(id, answer);
    this.helper.send({ id, args, env } satisfies Asked);
    return answer.promise;
  }

  stop(): void {
    this.helper?.kill('SIGKILL');
  }

  private start(): ChildProcess {
    const script = join(root, 'test/dist/harness/command-line-process.js');
    const helper = startHelper({ name: 'netport', script, args: [], namespace: this.namespace });
    helper.on('message', ({ id, ...outcome }: Answered) => {
      this.pending.get(id)?.resolve(outcome);
      this.pending.delete(id);
    });
    helper.once('exit', () => {
      for (const { reject } of this.pending.values()) reject(new Error('the command line’s process has ended'));
      this.pending.clear();
      this.helper = undefined;
    });
    return helper;
  }
}
