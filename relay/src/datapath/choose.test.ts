import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { unavailable as bpfUnavailable } from '@netport/libbpf';
import { createLogger } from '@netport/runtime';
import { describe, expect, it } from 'vitest';
import { titled } from '../testing/machine.js';
import { chooseDatapath, type DatapathChoice } from './choose.js';
import type { DatapathState } from './datapath.js';
import { programUnavailable } from './kernel/program-file.js';

const options = {
  tcpPromotion: 'auto',
  address: '127.0.0.1',
  data: '/nowhere',
  pinDirectory: '/nowhere',
  kernelCircuits: 16,
} as const;

const reason = bpfUnavailable ?? programUnavailable() ?? (process.getuid?.() === 0 ? undefined : 'not root');

/** For `setpriv`: some user of a machine; the root of a container, which cannot get more than it has. */
const users = {
  ordinary: ['--reuid=65534', '--regid=65534', '--clear-groups'],
  container: ['--no-new-privs'],
};

/** What a relay with these capabilities, comma separated, gets. */
function chosenWith(
  capabilities: string,
  datapath: DatapathChoice = 'auto',
  user: keyof typeof users = 'ordinary',
): DatapathState & { kind: string } {
  const module = fileURLToPath(new URL('../../dist/datapath/choose.js', import.meta.url));
  const script = `
    const { chooseDatapath } = await import(${JSON.stringify(module)});
    const log = { info() {}, warn() {}, debug() {} };
    try {
      const datapath = chooseDatapath({ ...${JSON.stringify({ ...options, datapath })}, log });
      console.log(JSON.stringify({ kind: datapath.kind, ...datapath.describe() }));
      datapath.close();
    } catch ({ code, message }) {
      console.log(JSON.stringify({ kind: code, reason: message }));
    }`;
  const set = ['-all', ...capabilities.split(',').filter(Boolean)].join(',+');
  const rights = ['inh-caps', 'ambient-caps', 'bounding-set'].map((kind) => `--${kind}=${set}`);
  const node = [process.execPath, '--input-type=module', '--eval', script];
  return JSON.parse(execFileSync('setpriv', [...users[user], ...rights, ...node], { encoding: 'utf8' }));
}

describe(titled('the datapath', reason), () => {
  it.skipIf(reason)('is the kernel’s for an ordinary user with four capabilities', () => {
    const found = chosenWith('bpf,perfmon,net_admin,net_raw');
    expect(found).toMatchObject({ kind: 'xdp', interfaces: ['lo'] });
    expect(found.reason).toBe('circuits end with this process: /nowhere is on no BPF filesystem (docs/operations.md)');
  });

  it.skipIf(reason)('is the kernel’s for the root of a container with the same four and nothing else', () => {
    expect(chosenWith('bpf,perfmon,net_admin,net_raw', 'auto', 'container')).toMatchObject({
      kind: 'xdp',
      interfaces: ['lo'],
    });
    expect(chosenWith('bpf,perfmon,net_raw', 'auto', 'container').kind).toBe('userspace');
  });

  it.skipIf(reason)('is the kernel’s for UDP alone without CAP_NET_RAW, and says so', () => {
    const found = chosenWith('bpf,perfmon,net_admin');
    expect(found.kind).toBe('xdp');
    expect(found.reason).toContain('TCP stays in userspace: promotion needs CAP_NET_RAW');
  });

  it.skipIf(reason).each(['bpf,net_admin', 'net_admin,net_raw', ''])(
    'is userspace with [%s], and says why',
    (capabilities) => {
      const found = chosenWith(capabilities);
      expect(found.kind).toBe('userspace');
      expect(found.reason).toContain('the relay needs CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN and CAP_NET_RAW');
    },
  );

  it.skipIf(reason)('is an error where the kernel’s was asked for and cannot be', () => {
    expect(chosenWith('', 'xdp')).toMatchObject({ kind: 'permission_denied' });
  });

  it.skipIf(reason)('needs an interface that there is', () => {
    const log = createLogger('relay', 'silent');
    const choose = (datapath: DatapathChoice) => chooseDatapath({ ...options, datapath, interfaces: ['none0'], log });
    expect(() => choose('xdp')).toThrow(/none0.*--interface/);
    const fallback = choose('auto');
    expect(fallback.kind).toBe('userspace');
    expect(fallback.describe().reason).toContain('none0');
  });
});

it('is userspace where that was asked for, and lacks nothing then', () => {
  const datapath = chooseDatapath({ ...options, datapath: 'userspace', log: createLogger('relay', 'silent') });
  expect(datapath.kind).toBe('userspace');
  expect(datapath.describe().reason).toBeUndefined();
});
