import { Readable, Writable } from 'node:stream';
import type { Cli } from '../src/cli.js';
import { run } from '../src/program.js';

type World = Partial<Omit<Cli, 'stdout' | 'stderr'>> & {
  /** Sees the output grow. */
  onOut?: (out: string) => void;
};

/** Runs one command line; `words` are split at spaces. */
export async function commandLine(words: string, { onOut, ...world }: World) {
  let out = '';
  let err = '';
  const collect = (add: (text: string) => void) =>
    new Writable({
      write(chunk, _, done) {
        add(String(chunk));
        done();
      },
    });
  const code = await run(words.split(' '), {
    env: {},
    stdin: Readable.from([]),
    now: Date.now,
    interruption: () => new AbortController().signal,
    ...world,
    stdout: collect((text) => {
      out += text;
      onOut?.(out);
    }),
    stderr: collect((text) => {
      err += text;
    }),
  });
  return { code, out, err };
}
