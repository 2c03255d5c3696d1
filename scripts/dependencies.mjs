// What npm would install, judged from the lock file alone, offline: where it comes from, what is checked of it, under which licence,
// and whether it runs anything on the way. Without `--offline`, also what the registry knows of it, where it answers.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/** Licences that go with Apache-2.0 for what is used as it is. */
const licences = [
  ...['0BSD', 'Apache-2.0', 'BlueOak-1.0.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT', 'Unlicense'],
  // File by file: nothing of theirs is changed here.
  ...['MPL-2.0', 'EPL-2.0'],
];

/** Packages whose manifest names no licence → where it is. */
const unnamed = { 'seq-queue': 'MIT, in its README' };

/** Packages that run a script when they are installed: engines of the ORM, which is how its migrations are made. */
const installers = ['@prisma/engines', 'prisma'];

/** `MIT OR Apache-2.0`, `MIT and ISC`: one of the alternatives, all of whose parts are allowed. */
const allowed = (expression) =>
  expression
    .replace(/[()]/g, '')
    .split(/ or /i)
    .some((alternative) => alternative.split(/ and /i).every((licence) => licences.includes(licence.trim())));

/** What is wrong with a lock file's packages, in words. */
function problemsOf({ packages }) {
  return Object.entries(packages).flatMap(([path, entry]) => {
    const name = path.split('node_modules/').at(-1);
    // The workspaces themselves, and packages that stand in for what nobody wants (scripts/absent-package).
    if (!path.includes('node_modules/') || entry.link) return [];
    if (entry.resolved?.startsWith('file:')) {
      return entry.resolved === 'file:scripts/absent-package' ? [] : [`${name}: comes from ${entry.resolved}`];
    }
    const problems = [];
    // Without `resolved` npm takes it from the registry that it is told; a URL may name any host.
    if (
      entry.resolved !== undefined &&
      !/^https:\/\/[^/]+\/(@[\w.-]+\/)?[\w.-]+\/-\/[\w.-]+\.tgz$/.test(entry.resolved)
    ) {
      problems.push(`${name}: comes from ${entry.resolved}, not from a registry`);
    }
    if (!/^sha512-[A-Za-z0-9+/]{86}==$/.test(entry.integrity ?? ''))
      problems.push(`${name}: has no SHA-512 in the lock file`);
    if (!(entry.license ? allowed(entry.license) : name in unnamed)) {
      problems.push(`${name}: has the licence ${entry.license ?? '(none)'}, which nobody has agreed to`);
    }
    if (entry.hasInstallScript && !installers.includes(name)) {
      problems.push(`${name}: runs a script when it is installed`);
    }
    return problems;
  });
}

/** Asks the registry in use; one that does not answer such questions is no failure of ours. */
function audit(args) {
  const { status, stdout, stderr } = spawnSync('npm', ['audit', ...args], { encoding: 'utf8', timeout: 20_000 });
  const text = `${stdout}${stderr}`;
  if (status === 0) return [];
  if (/vulnerabilit|invalid (signature|attestation)|missing signature/i.test(text)) return [text.trim()];
  console.log(`skipped: npm audit ${args.join(' ')} (the registry in use does not answer it)`);
  return [];
}

function main() {
  const { positionals, values } = parseArgs({ allowPositionals: true, options: { offline: { type: 'boolean' } } });
  const file = positionals[0] ?? fileURLToPath(new URL('../package-lock.json', import.meta.url));
  const lock = JSON.parse(readFileSync(file, 'utf8'));
  const problems = problemsOf(lock);
  if (!values.offline) problems.push(...audit(['--omit=dev', '--audit-level=high']), ...audit(['signatures']));
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) process.exit(1);
  console.log(`${Object.keys(lock.packages).length} packages: locked by hash, from a registry, licences agreed to`);
}

main();
