import { afterEach } from 'vitest';
import { type LogLine, startedProcesses } from './process.js';

const most = 100;
const isComplaint = ({ level, code }: LogLine): boolean => level !== 'info' || code !== undefined;

// A test that fails shows what its processes complained of: where they ran on another machine, nothing else of them is left.
afterEach(({ task }) => {
  if (task.result?.state !== 'fail') return;
  const complaints = startedProcesses.flatMap(({ name, log }) =>
    log
      .filter(isComplaint)
      .map(({ time, level, code, msg }) => [time, name, level, code, msg].filter(Boolean).join(' ')),
  );
  const until = new Date().toISOString();
  console.error(`What processes complained of, until ${until}:\n${complaints.sort().slice(-most).join('\n')}`);
});
