import type { CircuitView, TunnelInfo } from '@netport/protocol';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { runCommand, scripts } from '../harness/index.js';
import { expectWhole, gib, mib, skipped, unavailable, useRelayOverlay } from './scenario.js';

/** Tunnels over QUIC between two NATs: whatever happens to their path, connections go on, and not a byte is missing. */
describe.skipIf(unavailable)(`tunnels over QUIC that move${skipped}`, () => {
  const world = useRelayOverlay({
    datapath: 'userspace',
    relays: ['relay-1', 'relay-2'],
    portalArgs: ['--transport', 'quic'],
  });

  /** The one tunnel, as the portal that dialled it sees it. */
  const tunnel = async (): Promise<TunnelInfo> => {
    const { directory } = world().overlay.portal('left');
    const args = ['status', '--data', directory, '--json'];
    const { stdout, stderr } = await runCommand({ name: 'netport-portal', script: scripts.portal, args });
    const { tunnels } = JSON.parse(stdout || stderr) as { tunnels: TunnelInfo[] };
    expect(tunnels).toHaveLength(1);
    return tunnels[0] as TunnelInfo;
  };

  /** One connection with so many bytes from the target, and back, to which something happens in the middle. */
  const through = async (down: number, up: number, happens: () => unknown): Promise<void> => {
    const dialled = world().dial({ up, down, answer: 'at once', slowAfter: down / 8 });
    await dialled.received(down / 8);
    await happens();
    dialled.hurry();
    expectWhole({ client: await dialled.ending, service: await world().service.nextEnding() }, up, down);
  };

  beforeAll(async () => {
    await world().exchange({ up: 1, down: 1, answer: 'at once' });
  });

  it.each([
    [1, 32 * mib],
    [5, 16 * mib],
  ])('carry everything where %s % of the packets are lost', async (percent, size) => {
    world().networks.lose(percent);
    onTestFinished(() => world().networks.lose(0));
    expectWhole(await world().exchange({ up: size, down: size, answer: 'at once' }), size, size);
    expect(world().networks.lost()).toBeGreaterThan(100);
  });

  it.each([
    ['the portal that dialled', 1],
    ['the other portal', 2],
  ] as const)('go on when the NAT of %s gets another address', async (_who, side) => {
    const before = await tunnel();
    await through(32 * mib, mib, () => world().networks.rebind(side));
    expect(await tunnel()).toMatchObject({ since: before.since, circuitId: before.circuitId });
  });

  it.each([
    ['the portal that dialled', 1],
    ['the other portal', 2],
  ] as const)('go on when the machine of %s gets another address', async (_who, side) => {
    const before = await tunnel();
    await through(32 * mib, mib, () => world().networks.readdress(side));
    expect(await tunnel()).toMatchObject({ since: before.since, circuitId: before.circuitId });
  });

  it.each([
    ['the portal that dialled', 1],
    ['the other portal', 2],
  ] as const)(
    'move to another relay when theirs is killed while the machine of %s gets another address',
    async (_who, side) => {
      const { overlay, networks } = world();
      const before = await tunnel();
      await through(32 * mib, mib, async () => {
        // Nobody ends its control session, which is from the old address.
        networks.readdress(side);
        await overlay.relay(before.relay).process.stop('SIGKILL');
      });
      const after = await tunnel();
      expect(after.since).toBe(before.since);
      expect(after.relay).not.toBe(before.relay);
      await overlay.relay(before.relay).start();
    },
  );

  it('move to another relay when theirs is killed, and the same connection goes on', { timeout: 300_000 }, async () => {
    const { overlay } = world();
    const before = await tunnel();
    await through(gib, mib, () => overlay.relay(before.relay).process.stop('SIGKILL'));
    const after = await tunnel();
    expect(after.since).toBe(before.since);
    expect(after.relay).not.toBe(before.relay);
    await overlay.relay(before.relay).start();
    const circuits = await overlay.cli<CircuitView[]>(['ls', 'circuits']);
    expect(circuits.map(({ id }) => id)).toEqual([after.circuitId]);
  });
});
