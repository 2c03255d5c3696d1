import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { root } from '../harness/index.js';

const script = readFileSync(join(root, 'deploy/k8s/overlays/relays/start.sh'), 'utf8');

describe('how a relay of the DaemonSet starts', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'netport-start-'));
    mkdirSync(join(directory, 'bin'));
    // In the place of node: says what a relay would be started with.
    writeFileSync(join(directory, 'bin/node'), '#!/bin/sh\necho "$@"\nenv | grep ^NETPORT_ | sort\n');
    chmodSync(join(directory, 'bin/node'), 0o755);
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  /** The lines that it would start with; `files` as the Secret and the ConfigMap would be mounted. */
  function start(files: Record<string, string>, node: { name: string; ip: string }): string[] {
    for (const [path, content] of Object.entries(files)) {
      mkdirSync(join(directory, path, '..'), { recursive: true });
      writeFileSync(join(directory, path), content);
    }
    const { status, stdout, stderr } = spawnSync('sh', ['-c', script.replaceAll('/etc/netport', directory)], {
      env: { PATH: `${join(directory, 'bin')}:/usr/bin:/bin`, NODE_NAME: node.name, NODE_IP: node.ip },
      encoding: 'utf8',
    });
    expect(status, stderr).toBe(0);
    return stdout.trim().split('\n');
  }

  const run = '/opt/netport/relay/bin/netport-relay.mjs run';

  it('with the token and the address of its own node', () => {
    const files = { 'join/one': 'npj1_one', 'join/two': 'npj1_two', 'address/one': '198.51.100.1\n' };
    expect(start(files, { name: 'one', ip: '10.0.0.1' })).toEqual([
      run,
      'NETPORT_ADDRESS=198.51.100.1',
      'NETPORT_JOIN=npj1_one',
      'NETPORT_LISTEN_ADDRESS=10.0.0.1',
      'NETPORT_METRICS=10.0.0.1:9464',
    ]);
  });

  it('without either: it has an identity, and portals dial the node’s address', () => {
    expect(start({}, { name: 'one', ip: '2001:db8::1' })).toEqual([
      run,
      'NETPORT_ADDRESS=2001:db8::1',
      'NETPORT_LISTEN_ADDRESS=2001:db8::1',
      'NETPORT_METRICS=[2001:db8::1]:9464',
    ]);
  });
});
