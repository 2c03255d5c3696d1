import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/**
 * The architecture, as what may be imported where:
 *
 *     protocol ◀── pki ◀── runtime ◀── { control-server, relay, portal }
 *     protocol ◀── cli, control-server/ui
 *     pki ◀── cli, where it judges certificates
 *     addon ◀── libbpf ◀── relay
 *     addon ◀── relay
 *     addon ◀── dataplane ◀── { portal, relay }
 */
const root = fileURLToPath(new URL('..', import.meta.url));
const packages = [
  'protocol',
  'pki',
  'runtime',
  'control-server',
  'addon',
  'libbpf',
  'relay',
  'dataplane',
  'portal',
  'cli',
];

interface Rule {
  why: string;
  /** The files that it is about, as paths from the root. */
  files: RegExp;
  /** No import of these may end up there: a package name, or a file's path from the root. */
  ban?: RegExp;
  /** This may not stand in the text there. */
  banText?: RegExp;
  /** A file and a line that break the rule: the proof that it can fail. */
  breaks: [file: string, line: string];
}

const store = /^(?:@prisma\/|@libsql\/|prisma\b|control-server\/src\/store\/generated\/)/;

const rules: Rule[] = [
  {
    why: 'browsers and outside implementers read it',
    files: /^protocol\//,
    ban: /^(?!zod$|protocol\/)/,
    breaks: ['protocol/src/leg.ts', "import { Buffer } from 'node:buffer';"],
  },
  {
    why: 'certificates know nothing of processes',
    files: /^pki\//,
    ban: /^@netport\/(?!protocol$)/,
    breaks: ['pki/src/tls.ts', "import { enrol } from '@netport/runtime';"],
  },
  {
    why: 'what processes share knows none of them',
    files: /^runtime\//,
    ban: /^@netport\/(?!(?:protocol|pki)$)/,
    breaks: ['runtime/src/log.ts', "export * from '@netport/portal';"],
  },
  {
    why: 'the processes meet on the wire only',
    files: /^(?:control-server\/src|relay|portal)\//,
    ban: /^@netport\/(?!(?:protocol|pki|runtime|addon|libbpf|dataplane)$)/,
    breaks: ['portal/src/gate.ts', "await import('@netport/relay');"],
  },
  {
    why: 'how an addon is loaded does not depend on the addon',
    files: /^addon\//,
    ban: /^(?!node:|addon\/)/,
    breaks: ['addon/src/index.ts', "import { LibbpfError } from '@netport/libbpf';"],
  },
  {
    why: 'only what is native in part loads addons',
    files: /^(?!(?:libbpf|dataplane|relay)\/)/,
    ban: /^@netport\/addon$/,
    breaks: ['portal/src/gate.ts', "import { loadAddon } from '@netport/addon';"],
  },
  {
    why: 'the libbpf binding is usable alone',
    files: /^libbpf\//,
    ban: /^(?!node:|libbpf\/|@netport\/addon$)/,
    breaks: ['libbpf/src/map.ts', "import { limits } from '@netport/protocol';"],
  },
  {
    why: 'only the relay loads programs into the kernel',
    files: /^(?!relay\/)/,
    ban: /^@netport\/libbpf$/,
    breaks: ['portal/src/gate.ts', "import { loadObject } from '@netport/libbpf';"],
  },
  {
    why: 'sockets know nothing of what they carry',
    files: /^dataplane\//,
    ban: /^(?!node:|dataplane\/|@netport\/addon$)/,
    breaks: ['dataplane/src/udp-socket.ts', "import { limits } from '@netport/protocol';"],
  },
  {
    why: 'only who forwards needs more of a socket than Node has calls for',
    files: /^(?!(?:portal|relay)\/)/,
    ban: /^@netport\/dataplane$/,
    breaks: ['runtime/src/control.ts', "import { checkEnd } from '@netport/dataplane';"],
  },
  {
    why: 'they use the admin API as any outside client does',
    files: /^(?:cli|control-server\/ui)\//,
    ban: /^@netport\/(?!(?:protocol|pki)$)/,
    breaks: ['control-server/ui/src/main.tsx', "import '@netport/runtime';"],
  },
  {
    why: 'a page and most commands judge no certificates',
    files: /^(?:cli\/(?!src\/(?:roots|catch-up)\.ts$)|control-server\/ui\/)/,
    ban: /^@netport\/pki$/,
    breaks: ['cli/src/main.ts', "import '@netport/pki';"],
  },
  {
    why: 'what judges certificates is loaded when there is one to judge: that takes longer than most commands',
    files: /^cli\/(?!src\/catch-up\.ts$)/,
    banText: /^import (?!type\b).*\/(?:roots|catch-up)\.js'/,
    breaks: ['cli/src/cli.ts', "import { catchUp } from './catch-up.js';"],
  },
  {
    why: 'state changes by use cases, over one store interface',
    files: /^(?!control-server\/src\/store\/)/,
    ban: store,
    breaks: ['control-server/src/state/pairs.ts', "import { PrismaClient } from '../store/generated/client.js';"],
  },
  {
    why: 'deciding is pure: no sockets, files or timers',
    files: /^(?:relay\/src\/core\/|portal\/src\/gate\.ts|control-server\/src\/policy\/compile\.ts)/,
    ban: /^node:(?!crypto$|buffer$)/,
    breaks: ['relay/src/core/circuits.ts', "import { connect } from 'node:net';"],
  },
  {
    why: 'a package is what its index exports',
    files: /./,
    ban: /^@netport\/[^/]+\//,
    breaks: ['relay/src/main.ts', "import { day } from '@netport/protocol/dist/limits.js';"],
  },
  {
    why: 'a package reaches others by name, so that the rows above see it',
    files: /./,
    ban: /^\.\.\//,
    breaks: ['cli/src/client.ts', "import { createCsr } from '../../pki/src/csr.js';"],
  },
  {
    why: 'configuration comes in at one place per process',
    files: /^(?!.*\/main\.ts$)/,
    banText: /\bprocess\s*\.\s*env\b|\benv\b.*\bfrom 'node:process'/,
    breaks: ['cli/src/credentials.ts', 'const home = process.env.HOME;'],
  },
];

/** Every product source file: tests may reach for whatever they need, and generated code is not ours. */
const sources = [...packages, 'control-server/ui'].flatMap((folder) => sourcesIn(`${folder}/src`));

function sourcesIn(folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return ['generated', 'testing'].includes(entry.name) ? [] : sourcesIn(path);
    return /\.tsx?$/.test(entry.name) && !entry.name.endsWith('.test.ts') ? [path] : [];
  });
}

const importPattern = /(?:\bfrom\s+|\bimport\s+|\bimport\s*\(\s*|\brequire\s*\(\s*)['"]([^'"\n]+)['"]/g;

/** What a file imports: package names, and relative paths from the root, or from `../` where they leave the package. */
function importsOf(file: string, text: string): string[] {
  return [...text.matchAll(importPattern)].map(([, specifier = '']) => {
    if (!specifier.startsWith('.')) return specifier;
    const target = normalize(join(dirname(file), specifier));
    const home = packages.find((name) => file.startsWith(`${name}/`));
    return target.startsWith(`${home}/`) ? target : `../${target}`;
  });
}

/** Where a file breaks a rule, in words. */
function broken(rule: Rule, file: string, text: string): string[] {
  if (!rule.files.test(file)) return [];
  const imports = importsOf(file, text).filter((name) => rule.ban?.test(name));
  const lines = text.split('\n').filter((line) => rule.banText?.test(line));
  return [...imports, ...lines].map((what) => `${file}: ${what.trim()}`);
}

describe.each(rules)('$why', (rule) => {
  it('holds', () => {
    expect(sources.flatMap((file) => broken(rule, file, readFileSync(join(root, file), 'utf8')))).toEqual([]);
  });

  it('can fail', () => {
    expect(broken(rule, ...rule.breaks)).toHaveLength(1);
  });
});

it.each(packages)('%s exports only its index, and depends on what it imports', (name) => {
  const manifest = JSON.parse(readFileSync(join(root, name, 'package.json'), 'utf8'));
  // How an addon is compiled is for build scripts; what has to be there before all else is for bin/.
  const more = { addon: { './build': './build.mjs' }, runtime: { './lean-start': './dist/lean-start.js' } }[name];
  expect(manifest.exports).toEqual({ '.': { types: './dist/index.d.ts', default: './dist/index.js' }, ...more });
  const imported = sources
    .filter((file) => file.startsWith(`${name}/src/`))
    .flatMap((file) => importsOf(file, readFileSync(join(root, file), 'utf8')))
    .filter(
      (specifier) => !specifier.startsWith('node:') && !packages.some((folder) => specifier.startsWith(`${folder}/`)),
    )
    .map((specifier) => /^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0]);
  const undeclared = imported.filter((dependency) => !Object.hasOwn(manifest.dependencies ?? {}, dependency ?? ''));
  expect(undeclared).toEqual([]);
});

it('reads sources, not an empty folder', () => {
  expect(sources).toContain('protocol/src/index.ts');
});
