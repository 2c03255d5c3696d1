// npm test: every test of every package, in a fresh clone as well as in a used one. What cannot run here says so by name.
import { prepare, run, turbo, turboEnvironment } from './prepare.mjs';

prepare();
run(
  process.execPath,
  [
    turbo,
    'run',
    'lint',
    'lint:root',
    'test',
    '--output-logs=new-only',
    '--log-order=grouped',
    '--concurrency=1',
    '--continue',
  ],
  {
    env: turboEnvironment,
  },
);
