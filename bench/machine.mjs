// What a figure was measured on: without it, a figure says nothing.
import { execFileSync } from 'node:child_process';
import { cpus, release, totalmem } from 'node:os';

export function describeMachine(tools) {
  return {
    cpu: cpus()[0]?.model.trim(),
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 1024 ** 3),
    kernel: release(),
    node: process.version,
    tools: Object.fromEntries(tools.map(([name, ...args]) => [name, firstLine(name, args)])),
  };
}

function firstLine(name, args) {
  try {
    return execFileSync('sh', ['-c', `${[name, ...args].join(' ')} 2>&1`])
      .toString()
      .split('\n')[0]
      .trim();
  } catch {
    return 'missing';
  }
}

export const median = (numbers) => {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};
