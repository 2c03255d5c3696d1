import process from 'node:process';
import { run } from './program.js';

// Whoever reads our output may have had enough of it: `netport audit | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

// As it is now, once: Node asks the system for each look at it, and the YAML parser looks for every token, a sixth of its time.
process.env = { ...process.env };

const { env, stdin, stdout, stderr } = process;

function interruption(): AbortSignal {
  const controller = new AbortController();
  process.once('SIGINT', () => controller.abort());
  return controller.signal;
}

process.exitCode = await run(process.argv.slice(2), { env, stdin, stdout, stderr, now: Date.now, interruption });
