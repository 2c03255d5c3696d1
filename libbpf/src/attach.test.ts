import { execFile, execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compile, lackNamespaces, titled } from './testing/machine.js';

/** Needs a build: the namespace is entered by a process of its own. */
describe.skipIf(lackNamespaces)(titled('programs on a veth pair in a namespace', lackNamespaces), () => {
  const namespace = `libbpf-${randomBytes(4).toString('hex')}`;
  const ip = (...args: string[]) => execFileSync('ip', args, { encoding: 'utf8' });
  const inside = (...command: string[]) => ip('netns', 'exec', namespace, ...command);
  let report: Record<string, unknown>;

  beforeAll(async () => {
    ip('netns', 'add', namespace);
    ip('-n', namespace, 'link', 'add', 'near', 'type', 'veth', 'peer', 'name', 'far');
    ip('-n', namespace, 'address', 'add', '10.9.0.2/24', 'dev', 'far');
    for (const name of ['near', 'far']) ip('-n', namespace, 'link', 'set', name, 'up');
    // Nobody answers for the other address, so its frames need a destination beforehand.
    ip('-n', namespace, 'neighbour', 'add', '10.9.0.1', 'lladdr', '02:00:00:00:00:01', 'dev', 'far');
    const script = fileURLToPath(new URL('testing/attach.mjs', import.meta.url));
    const { stdout } = await promisify(execFile)('ip', [
      ...['netns', 'exec', namespace, process.execPath, '--expose-gc', script, compile('sample')],
    ]);
    report = JSON.parse(stdout);
  });
  afterAll(() => ip('netns', 'delete', namespace));

  it('attaches XDP in the driver, counts packets, and is gone after close()', () => {
    expect(report).toMatchObject({
      xdp: { mode: 'native', counts: true },
      info: { program: true, attached: true },
      second: 'EBUSY',
      detached: true,
    });
  });

  it('attaches generic XDP when asked, and where the driver has none', () => {
    expect(report.generic).toEqual({ mode: 'generic', counts: true });
    expect(report.fallback).toMatchObject({ mode: 'generic', native: expect.any(String) });
  });

  it('attaches tc by tcx where the kernel has it, and by clsact when asked', () => {
    const [major = 0, minor = 0] = execFileSync('uname', ['-r'], { encoding: 'utf8' }).split('.').map(Number);
    const tcx = major > 6 || (major === 6 && minor >= 6);
    expect(report).toMatchObject({
      tc: { mode: tcx ? 'tcx' : 'clsact', counts: true },
      clsact: { mode: 'clsact', counts: true },
      clsactPin: 'ENOTSUP',
    });
  });

  it('says what cannot be attached', () => {
    expect(report).toMatchObject({ nowhere: 'ENODEV', wrongType: 'EINVAL' });
  });

  it('detaches what nobody holds any more', () => {
    expect(report.collected).toBe(true);
  });

  it('leaves nothing when the process ends', () => {
    expect(inside('tc', 'filter', 'show', 'dev', 'near', 'ingress')).toBe('');
    expect(inside('tc', 'filter', 'show', 'dev', 'near', 'egress')).toBe('');
    expect(ip('-n', namespace, 'link', 'show', 'near')).not.toContain('xdp');
  });
});
