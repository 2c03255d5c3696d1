// Runs command lines, one for each message: most of what a process for each would take is loading the program.
import { Readable, Writable } from 'node:stream';
import { run } from '@netport/cli';
import type { Answered, Asked } from './command-line.js';

function kept(): { stream: Writable; text: () => string } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      chunks.push(chunk);
      done();
    },
  });
  return { stream, text: () => Buffer.concat(chunks).toString() };
}

process.on('message', async ({ id, args, env }: Asked) => {
  const [stdout, stderr] = [kept(), kept()];
  const streams = { stdin: Readable.from([]), stdout: stdout.stream, stderr: stderr.stream };
  const interruption = () => new AbortController().signal;
  const code = await run(args, { env, ...streams, now: Date.now, interruption });
  const answered: Answered = { id, code, stdout: stdout.text(), stderr: stderr.text() };
  process.send?.(answered);
});
process.on('disconnect', () => process.exit());
