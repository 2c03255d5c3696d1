import { join } from 'node:path';
import type { CircuitView } from '@netport/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort, type LogLine, Overlay, type RunningProcess, root, startProcess, waitFor } from '../harness/index.js';

const script = join(root, 'test/dist/harness/udp-portal.js');

// What the machine allows, and what works everywhere.
describe.each(['auto', 'userspace'])('a circuit over UDP, with --datapath %s', (datapath) => {
  let overlay: Overlay;
  let receiver: RunningProcess;

  beforeAll(async () => {
    overlay = await Overlay.start({ relayArgs: ['--datapath', datapath] });
    await overlay.addPair('a-to-b', `a:127.0.0.1:${await freePort()}`, `b:127.0.0.1:${await freePort()}`);
    // Their identities go to two programs that use UDP circuits.
    for (const name of ['a', 'b']) await overlay.portal(name).process.stop('SIGKILL');
    receiver = udpPortal('b', ['receive']);
    await receiver.waitForLog('online');
  });
  afterAll(async () => {
    await receiver?.stop('SIGKILL');
    await overlay?.stop();
  });

  const udpPortal = (name: string, args: readonly string[]): RunningProcess =>
    startProcess({ name, script, args: [...args, '--data', overlay.portal(name).directory] });
  const half = (line: LogLine) => line.msg === 'progress' && Number(line.bytes) >= 4_000_000;

  it('carries datagrams both ways, counted, and goes on when both portals move', async () => {
    const sender = udpPortal('a', ['send', '--to', 'b', '--bytes', '8000000', '--slow-after', '4000000']);
    await sender.waitForLog(half);
    sender.signal('SIGUSR1');
    receiver.signal('SIGUSR1');
    for (const portal of [sender, receiver]) await portal.waitForLog('roamed');
    sender.signal('SIGUSR2');
    const sent = await sender.waitForLog('done');
    const received = await receiver.waitForLog('done');
    expect(received).toMatchObject({ bytes: 8_000_000, sha256: sent.sha256, datagrams: sent.datagrams });
    expect(await sender.exited).toBe(0);

    const [circuit] = await overlay.cli<CircuitView[]>(['ls', 'circuits']);
    expect(circuit).toMatchObject({ id: received.circuitId, from: 'a', to: 'b', transport: 'udp', state: 'joined' });
    expect(circuit?.packetsSent).toBeGreaterThanOrEqual(Number(sent.datagrams));
    expect(circuit?.bytesSent).toBeGreaterThan(8_000_000);
    expect(circuit?.packetsReceived).toBeGreaterThan(0);
  });

  it('ends when the pair is removed', async () => {
    await overlay.admin(['pair', 'rm', 'a-to-b']);
    await receiver.waitForLog('closed');
    await waitFor('no circuit', async () => (await overlay.cli<CircuitView[]>(['ls', 'circuits'])).length === 0);
  });
});
