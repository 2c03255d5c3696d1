import { createHash, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PortalView } from '@netport/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  curl,
  namespacesUnavailable,
  Overlay,
  type PrivateNetworks,
  privateNetworks,
  type RunningProcess,
  root,
  startProcess,
} from '../harness/index.js';

const unavailable = namespacesUnavailable();

describe.skipIf(unavailable)(`between two private networks${unavailable ? ` (skipped: ${unavailable})` : ''}`, () => {
  let networks: PrivateNetworks;
  let overlay: Overlay;
  let target: RunningProcess;
  let targetPort: number;
  const content = randomBytes(64 * 1024 * 1024);

  beforeAll(async () => {
    networks = privateNetworks();
    const { hub, lan1, lan2 } = networks;
    overlay = await Overlay.start({
      portals: ['laptop', 'field-gw'],
      network: { hub, address: '203.0.113.1', portals: { laptop: lan1, 'field-gw': lan2 } },
    });
    const file = join(overlay.directory, 'file.bin');
    await writeFile(file, content);
    const script = join(root, 'scripts/demo-target.mjs');
    target = startProcess({ name: 'target', script, args: [file, '192.168.2.2'], namespace: lan2 });
    targetPort = Number((await target.waitForLog('listening')).port);
    await overlay.addPair('web', 'laptop:127.0.0.1:8080', `field-gw:192.168.2.2:${targetPort}`);
  });
  afterAll(async () => {
    await target?.stop('SIGKILL');
    await overlay?.stop();
    networks?.remove();
  });

  it('curl on one network fetches a file from a server on the other, through both NATs', async () => {
    const expected = createHash('sha256').update(content).digest('hex');
    expect(await curl(networks.lan1, 'http://127.0.0.1:8080/')).toEqual({ bytes: content.length, sha256: expected });
  });

  it('there is no other way: not to the server, not from the public side, not backwards', async () => {
    await expect(curl(networks.lan1, `http://192.168.2.2:${targetPort}/`)).rejects.toThrow();
    await expect(curl(networks.hub, `http://192.168.2.2:${targetPort}/`)).rejects.toThrow();
    await expect(curl(networks.hub, 'http://192.168.1.2:8080/')).rejects.toThrow();
    await expect(curl(networks.lan2, 'http://127.0.0.1:8080/')).rejects.toThrow();
  });

  it('the control server sees the portals at their NATs', async () => {
    const portals = await overlay.cli<PortalView[]>(['portal', 'ls']);
    const addresses = portals.map(({ name, address }) => [name, address?.replace(/:\d+$/, '')]);
    expect(Object.fromEntries(addresses)).toEqual({ laptop: '203.0.113.11', 'field-gw': '203.0.113.12' });
  });
});
