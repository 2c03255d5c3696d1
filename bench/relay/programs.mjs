// The C ends of a measurement, run in a namespace and heard line by line.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const children = new Set();
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});

/** Runs a program in a namespace. `heard(msg)` resolves with the first line of that name, and rejects when there is none. */
export function runIn(namespace, command, args, { quiet = false } = {}) {
  const child = spawn('ip', ['netns', 'exec', namespace, command, ...args.map(String)], {
    stdio: ['pipe', 'pipe', quiet ? 'ignore' : 'inherit'],
  });
  children.add(child);
  const lines = [];
  const waiting = new Set();
  const settle = () => {
    for (const check of waiting) check();
  };
  createInterface({ input: child.stdout }).on('line', (text) => {
    lines.push(JSON.parse(text));
    settle();
  });
  let code;
  const exited = new Promise((resolve) => {
    child.once('close', (status) => {
      children.delete(child);
      code = status ?? 'killed';
      settle();
      resolve();
    });
  });
  return {
    exited,
    heard: (msg) =>
      new Promise((resolve, reject) => {
        const check = () => {
          const line = lines.find((candidate) => candidate.msg === msg);
          if (line) resolve(line);
          else if (code !== undefined) reject(new Error(`${command} ended with ${code} and did not say ${msg}`));
          else return;
          waiting.delete(check);
        };
        waiting.add(check);
        check();
      }),
    /** Ends its standard input. */
    finish: () => child.stdin.end(),
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
    },
  };
}

/** Time that all processors together were not idle so far, in µs. */
export function busyMicroseconds() {
  const [user, nice, system, , , irq, softirq, steal] = readFileSync('/proc/stat', 'utf8')
    .split('\n')[0]
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  // In ticks of 10 ms: USER_HZ is 100 on every Linux that Node runs on.
  return (user + nice + system + irq + softirq + steal) * 10_000;
}
