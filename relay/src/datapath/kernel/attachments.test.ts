import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { unavailable as bpfUnavailable } from '@netport/libbpf';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { titled } from '../../testing/machine.js';
import { programUnavailable } from './program-file.js';

const reason = bpfUnavailable ?? programUnavailable() ?? (process.getuid?.() === 0 ? undefined : 'not root');

const namespace = `netport-${process.pid}-attach`;
const run = (command: string) => execFileSync('sh', ['-ec', command], { encoding: 'utf8', stdio: 'pipe' });
const module = (name: string) =>
  JSON.stringify(fileURLToPath(new URL(`../../../dist/datapath/kernel/${name}.js`, import.meta.url)));

let bpf: string;

/** Runs a script as a process of its own in the namespace, with `open(tcpHook)` at hand; returns what it printed. */
function inNamespace(script: string): unknown[] {
  const prelude = `
    import { execSync } from 'node:child_process';
    import { KernelProgram } from ${module('program')};
    import { programFile } from ${module('program-file')};
    import { openPins } from ${module('pins')};
    const print = (value) => console.log(JSON.stringify(value));
    const ip = (command) => execSync('ip ' + command);
    const said = [];
    const log = { info: (_, text) => said.push(text), warn: (_, text) => said.push(text ?? _), debug() {} };
    const pins = openPins(${JSON.stringify(join(bpf, 'netport'))}, '/data', 1);
    const open = (tcpHook, options = {}) =>
      new KernelProgram({ object: programFile, interfaces: ['left'], tcpHook, circuits: 4, pins, log, ...options });
    const codeOf = (attempt) => { try { attempt(); return 'none'; } catch ({ code }) { return code; } };`;
  // nsenter and not `ip netns exec`, which hides BPF filesystems.
  const args = [`--net=/run/netns/${namespace}`, process.execPath, '--input-type=module', '--eval', prelude + script];
  // It may have killed itself.
  const { stdout, stderr } = spawnSync('nsenter', args, { encoding: 'utf8' });
  if (stderr) throw new Error(stderr);
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

describe.skipIf(reason)(titled('the programs', reason), () => {
  beforeAll(() => {
    bpf = mkdtempSync(join(tmpdir(), 'netport-bpf-'));
    run(
      `mount -t bpf bpf ${bpf}; ip netns add ${namespace}; ip -n ${namespace} link add left type veth peer name right`,
    );
  });
  afterAll(() => {
    run(`ip netns del ${namespace}; umount ${bpf}`);
    rmdirSync(bpf);
  });

  it('are attached again after their interface went and came back', () => {
    const [before, without, after, said] = inNamespace(`
      const program = open('tc');
      program.attachXdp();
      const { attachments } = program;
      attachments.check();
      print(attachments.lost);
      ip('link del left');
      attachments.check();
      attachments.check();
      print(attachments.lost);
      ip('link add left type veth peer name right');
      attachments.check();
      print(attachments.lost);
      print(said);
      program.close();`);
    expect([before, without, after]).toEqual([0, 2, 0]);
    const gone = 'the program was taken off, or the interface is gone';
    expect(said).toEqual([gone, gone, 'attached again', 'attached again']);
  });

  it('are attached everywhere or nowhere', () => {
    expect(
      inNamespace(`
        print(codeOf(() => open('tc', { interfaces: ['left', 'none0'] })));
        const other = open(undefined, { pins: undefined });
        other.attachXdp();
        const program = open('tc');
        print(codeOf(() => program.attachXdp()));
        print(program.attachments.has('xdp'));
        other.close();
        program.attachXdp();
        print(program.attachments.has('xdp'));
        program.close();`),
    ).toEqual(['ENODEV', 'EBUSY', false, true]);
  });

  it('stay when their process is killed, and the next one takes them over with what is in the maps', () => {
    const left = inNamespace(`
      const program = open('tc');
      program.attachXdp();
      program.maps.circuits.set(2, { ...program.maps.circuits.get(2), since: 7n });
      print(program.attachments.has('tc'));
      process.kill(process.pid, 'SIGKILL');`);
    expect(left).toEqual([true]);
    expect(run(`nsenter --net=/run/netns/${namespace} ls ${bpf}/netport/*`)).toContain('tc-left');
    expect(
      inNamespace(`
        const program = open('tc');
        print(Number(program.maps.circuits.get(2).since));
        print(program.attachments.has('tc'));
        print([pins.has('tc-left'), pins.has('xdp-left')]);
        program.close();
        print(pins.has('circuits'));`),
    ).toEqual([7, true, [true, false], false]);
  });

  it('start anew where the maps that were left have other sizes, and say so', () => {
    inNamespace(`
      const { circuits } = open('tc').maps;
      circuits.set(2, { ...circuits.get(2), since: 7n });`);
    const [circuits, said] = inNamespace(`
      const program = open('tc', { circuits: 8 });
      print(Number(program.maps.circuits.get(2).since));
      print(said.length);
      program.close();`);
    expect(circuits).toBe(0);
    expect(said).toBe(1);
  });
});
