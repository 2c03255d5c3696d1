import { execFile, execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from './process.js';

/** Builds one of the C programs of bench/relay into a directory; returns its path. Throws where there is no compiler. */
export function buildProgram(name: 'udp-leg' | 'tcp-leg' | 'delay-hop', directory: string): string {
  const program = join(directory, name);
  execFileSync('cc', ['-O2', '-Wall', '-o', program, join(root, `bench/relay/${name}.c`)], { stdio: 'pipe' });
  return program;
}

/** One of its lines of JSON. */
export type Said = { msg: string } & Record<string, number | string>;

/** What a program said in a namespace, when it has ended. Rejects with its error output when it fails. */
export async function runProgram(namespace: string, program: string, args: readonly (string | number)[]) {
  const { stdout } = await promisify(execFile)('ip', ['netns', 'exec', namespace, program, ...args.map(String)]);
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Said);
}
