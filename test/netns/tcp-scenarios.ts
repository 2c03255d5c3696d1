import { createHash, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { curl, type RelayOverlay, root, startProcess } from '../harness/index.js';
import { expectCut, expectWhole, gib, mib } from './scenario.js';

/** What every network must carry. */
export function carriesTcp(world: () => RelayOverlay, size: number): void {
  it(`a TCP circuit carries ${size / mib} MiB in both directions at once`, async () => {
    expectWhole(await world().exchange({ up: size, down: size, answer: 'at once' }), size, size);
    expect((await world().tunnelCircuit()).datapath).toBe(world().joinedBy('tcp'));
  });
}

/** What a tunnel over a TCP circuit goes through. */
export function tcpScenarios(world: () => RelayOverlay): void {
  it('carries a file for curl', async () => {
    const { networks, overlay } = world();
    const content = randomBytes(64 * mib);
    const file = join(overlay.directory, 'file.bin');
    await writeFile(file, content);
    const script = join(root, 'scripts/demo-target.mjs');
    const server = startProcess({ name: 'server', script, args: [file], namespace: networks.lan2 });
    onTestFinished(() => void server.stop('SIGKILL'));
    const { port } = await server.waitForLog('listening');
    await overlay.addPair('web', 'left:127.0.0.1:8080', `right:127.0.0.1:${port}`);
    const sha256 = createHash('sha256').update(content).digest('hex');
    expect(await curl(networks.lan1, 'http://127.0.0.1:8080/')).toEqual({ bytes: content.length, sha256 });
  });

  it('keeps half-closed connections open', async () => {
    expectWhole(await world().exchange({ up: mib, down: 64 * mib, answer: 'afterwards' }), mib, 64 * mib);
  });

  it('passes an application’s reset on', async () => {
    const { client } = await world().exchange({ up: 1, down: mib, answer: 'reset' });
    expect(client.broken).toBe('ECONNRESET');
  });

  it.each([
    [1, 64 * mib],
    [5, 16 * mib],
  ])('carries everything where %s % of the packets are lost', async (percent, size) => {
    world().networks.lose(percent);
    onTestFinished(() => world().networks.lose(0));
    expectWhole(await world().exchange({ up: size, down: size, answer: 'at once' }), size, size);
    expect(world().networks.lost()).toBeGreaterThan(100);
  });

  it('goes on after the relay’s interface was down', async () => {
    const dialled = world().dial({ up: 0, down: 256 * mib, answer: 'at once', slowAfter: 16 * mib });
    await dialled.received(16 * mib);
    world().networks.setLink(1, 'down');
    dialled.hurry();
    expect(await dialled.stalled()).toBeLessThan(256 * mib);
    world().networks.setLink(1, 'up');
    expectWhole({ client: await dialled.ending, service: await world().service.nextEnding() }, 0, 256 * mib);
  });

  it('outlives the relay’s process in the kernel, and ends with it in userspace', async () => {
    const circuit = await world().tunnelCircuit();
    const dialled = world().dial({ up: 0, down: gib, answer: 'at once', slowAfter: 64 * mib });
    await dialled.received(64 * mib);
    await world().relay.process.stop('SIGKILL');
    dialled.hurry();
    if (circuit.datapath === 'tc') {
      // Without the process, most of it.
      await dialled.received(512 * mib);
      await world().relay.start();
      expectWhole({ client: await dialled.ending, service: await world().service.nextEnding() }, 0, gib);
      expect((await world().tunnelCircuit()).id).toBe(circuit.id);
    } else {
      expectCut(await dialled.ending, gib);
      await world().service.nextEnding();
      await world().relay.start();
    }
    expectWhole(await world().exchange({ up: mib, down: mib, answer: 'at once' }), mib, mib);
  });

  it('breaks the other portal’s connections when one portal dies, and is gone', async () => {
    const circuit = await world().tunnelCircuit();
    const dialled = world().dial({ up: 0, down: gib, answer: 'at once', slowAfter: mib });
    await dialled.received(mib);
    await world().overlay.portal('right').process.stop('SIGKILL');
    expectCut(await dialled.ending, gib);
    await world().waitForCircuits('it to end', (circuits) => circuits.every(({ id }) => id !== circuit.id));
  });
}
