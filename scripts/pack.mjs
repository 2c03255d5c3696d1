// Makes a directory that holds one or more roles, built, and what they need to run: no sources, no tools, no compiler.
//   node scripts/pack.mjs DIRECTORY ROLE…     where a role is control-server, relay, portal or cli
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { root, run } from './prepare.mjs';

/** Of a built workspace, what it runs from. The last two are its native parts, or the reason why there are none. */
const parts = ['package.json', 'bin', 'dist', 'build', 'xdp/build'];
const leftOut =
  /\.(d\.ts|map|tsbuildinfo)$|\.test\.js$|^(obj\.target|testing|Makefile|config\.gypi)$|\.mk$|\.Makefile$/;

/** Read next to the code, at their place in the repository. */
const besides = { 'control-server': ['prisma/migrations/sqlite'] };

const manifest = (folder) => JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));

/** The workspaces that these need, themselves included. */
function needed(roles, folders) {
  const byName = new Map(folders.map((folder) => [manifest(folder).name, folder]));
  const found = new Set(roles);
  for (const folder of found) {
    for (const name of Object.keys(manifest(folder).dependencies ?? {})) {
      if (byName.has(name)) found.add(byName.get(name));
    }
  }
  return found;
}

const [directory, ...roles] = process.argv.slice(2);
const { workspaces: folders } = manifest('.');
const unknown = roles.filter((role) => !existsSync(join(root, role, 'bin')));
if (directory === undefined || roles.length === 0 || unknown.length > 0) {
  console.error(`usage: node scripts/pack.mjs DIRECTORY ROLE…   (control-server, relay, portal, cli) ${unknown}`);
  process.exit(2);
}
if (existsSync(directory)) {
  console.error(`${directory} is there already: name another directory, or remove it`);
  process.exit(2);
}

const copy = (path) => {
  if (!existsSync(join(root, path))) return;
  mkdirSync(dirname(join(directory, path)), { recursive: true });
  cpSync(join(root, path), join(directory, path), {
    recursive: true,
    filter: (source) => !leftOut.test(basename(source)),
  });
};
const kept = needed(roles, folders);
for (const folder of kept) {
  for (const part of parts) copy(join(folder, part));
  for (const path of besides[folder] ?? []) copy(path);
}

// npm installs by the lock only what it finds whole: every workspace has to be there, if only by its name.
for (const folder of folders) copy(join(folder, 'package.json'));
for (const path of ['package.json', 'package-lock.json', 'scripts/absent-package', 'LICENSE']) copy(path);
const wanted = [...kept].flatMap((folder) => ['--workspace', folder]);
const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
run('npm', ['ci', '--omit=dev', '--ignore-scripts', ...wanted, ...quiet], { cwd: directory });
// Tools of ours that a library takes, too, where it finds them: npm keeps these, a compiler and the Prisma CLI among them.
const { packages } = JSON.parse(readFileSync(join(directory, 'package-lock.json'), 'utf8'));
for (const [path, { devOptional }] of Object.entries(packages)) {
  if (devOptional) rmSync(join(directory, path), { recursive: true, force: true });
}
for (const folder of folders) {
  if (!kept.has(folder)) rmSync(join(directory, folder), { recursive: true, force: true });
}
rmSync(join(directory, 'scripts'), { recursive: true });
rmSync(join(directory, 'package-lock.json'));
writeFileSync(join(directory, 'package.json'), '{ "name": "netport-roles", "private": true, "type": "module" }\n');
