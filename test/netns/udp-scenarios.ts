import { expect, it, onTestFinished } from 'vitest';
import type { DatagramTransfer, RelayOverlay } from '../harness/index.js';
import { mib } from './scenario.js';

/** Arrived whole, with equal hashes. Resolves with how many datagrams were sent again. */
async function expectArrived({ done }: DatagramTransfer, bytes: number): Promise<number> {
  const [sent, received] = await done;
  expect(received).toMatchObject({ bytes, sha256: sent.sha256 });
  return sent.again;
}

/** A tenth of it has arrived, and not much more will until it is told to hurry. */
async function sendSlowly(world: RelayOverlay, size: number): Promise<DatagramTransfer> {
  const transfer = await world.sendDatagrams(size, size / 10);
  await transfer.progress(size / 10);
  return transfer;
}

/** What every network must carry. */
export function carriesUdp(world: () => RelayOverlay, size: number): void {
  it(`a UDP circuit carries ${size / mib} MiB, and counts packets`, async () => {
    const transfer = await sendSlowly(world(), size);
    const early = await world().circuit(transfer.circuitId);
    transfer.hurry();
    expect(early.datapath).toBe(world().joinedBy('udp'));
    await expectArrived(transfer, size);
    const [{ datagrams, again }] = await transfer.done;
    const late = await world().circuit(transfer.circuitId);
    expect(late.packetsSent).toBeGreaterThan(early.packetsSent ?? Number.NaN);
    // Binds are the relay's, and not counted.
    expect(late.packetsSent).toBeGreaterThanOrEqual(datagrams);
    expect(late.packetsSent).toBeLessThanOrEqual(datagrams + again);
    expect(late.packetsReceived).toBeGreaterThan(0);
  });
}

/** What a UDP circuit goes through. */
export function udpScenarios(world: () => RelayOverlay): void {
  it.each([
    [1, 32 * mib],
    [5, 8 * mib],
  ])('a UDP circuit goes on where %s % of the packets are lost', async (percent, size) => {
    world().networks.lose(percent);
    onTestFinished(() => world().networks.lose(0));
    expect(await expectArrived(await world().sendDatagrams(size), size)).toBeGreaterThan(0);
    expect(world().networks.lost()).toBeGreaterThan(0);
  });

  it('a UDP circuit follows a portal whose NAT gets another address', async () => {
    const size = 64 * mib;
    const transfer = await sendSlowly(world(), size);
    world().networks.rebind(1);
    transfer.hurry();
    // What was on the way is lost, and what came before the relay knew.
    expect(await expectArrived(transfer, size)).toBeGreaterThan(0);
  });

  it('a UDP circuit follows a portal that roams', async () => {
    const size = 64 * mib;
    const transfer = await sendSlowly(world(), size);
    await transfer.roam();
    transfer.hurry();
    await expectArrived(transfer, size);
  });

  it('a UDP circuit goes on after the relay’s interface was down', async () => {
    const size = 64 * mib;
    const transfer = await sendSlowly(world(), size);
    world().networks.setLink(1, 'down');
    world().networks.setLink(1, 'up');
    transfer.hurry();
    await expectArrived(transfer, size);
  });

  it('a UDP circuit needs no process of the relay in the kernel, and ends with its restart', async () => {
    const size = 64 * mib;
    const transfer = await sendSlowly(world(), size);
    const { datapath } = await world().circuit(transfer.circuitId);
    await world().relay.process.stop('SIGKILL');
    transfer.hurry();
    if (datapath === 'xdp') await expectArrived(transfer, size);
    else await transfer.abandon();
    await world().relay.start();
    await world().waitForCircuits('it to be gone', (circuits) => circuits.every(({ id }) => id !== transfer.circuitId));
    await expectArrived(await world().sendDatagrams(mib), mib);
  });
}
