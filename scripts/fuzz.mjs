// npm run fuzz -- [--minutes N] [--runs N] [--seed N] [FILE …]: every property of every package again and again, each round with
// another seed, until the time is over or one fails. A seed that is given is one round: what failed fails again.
import { spawnSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = fileURLToPath(new URL('..', import.meta.url));
const { workspaces } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: 'string', default: '1' },
    runs: { type: 'string', default: '2000' },
    seed: { type: 'string' },
  },
});

/** Package → its test files with properties. What needs privileges (test/) is not among them. */
const packages = new Map();
for (const workspace of workspaces.filter((name) => !['test', 'bench', 'control-server/ui'].includes(name))) {
  const files = readdirSync(join(root, workspace, 'src'), { recursive: true })
    .map((file) => join(workspace, 'src', file))
    .filter((file) => file.endsWith('.test.ts') && readFileSync(join(root, file), 'utf8').includes("'fast-check'"))
    .filter(
      (file) => positionals.length === 0 || positionals.some((wanted) => file.includes(wanted.split('/').join(sep))),
    );
  if (files.length > 0) packages.set(workspace, files);
}
if (packages.size === 0) throw new Error(`no file with properties is named like ${positionals.join(' or ')}`);

const end = Date.now() + Number(values.minutes) * 60_000;
let rounds = 0;
do {
  const seed = values.seed ?? String(randomInt(2 ** 31));
  console.log(`round ${++rounds}: seed ${seed}, ${values.runs} examples of each property`);
  for (const [name, files] of packages) {
    const vitest = join(root, 'node_modules/vitest/vitest.mjs');
    const args = ['run', '--config', '../vitest.fuzz.config.ts', '--root', '.', '--reporter', 'dot'];
    const { status } = spawnSync(process.execPath, [vitest, ...args, ...files.map((file) => relative(name, file))], {
      cwd: join(root, name),
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, NETPORT_FUZZ_RUNS: values.runs, NETPORT_FUZZ_SEED: seed },
    });
    if (status !== 0) {
      console.error(`to see it again: npm run fuzz -- --seed ${seed} --runs ${values.runs} ${name}/`);
      process.exit(1);
    }
  }
} while (values.seed === undefined && Date.now() < end);
console.log(`${rounds} rounds, nothing found`);
