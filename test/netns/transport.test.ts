import type { TunnelView } from '@netport/protocol';
import { describe, expect, it } from 'vitest';
import { run, waitFor } from '../harness/index.js';
import { expectCut, expectWhole, gib, mib, skipped, unavailable, useRelayOverlay } from './scenario.js';

/** Portals that are told nothing about transports, between two NATs of which one lets UDP through, or does not. */
describe.skipIf(unavailable)(`--transport auto${skipped}`, () => {
  const world = useRelayOverlay({ datapath: 'userspace' });
  const tunnels = (): Promise<TunnelView[]> => world().overlay.cli<TunnelView[]>(['ls', 'tunnels']);
  const carries = async (size: number): Promise<void> =>
    expectWhole(await world().exchange({ up: size, down: size, answer: 'at once' }), size, size);

  let networks = 0;
  /** As far as the portal can tell, its machine is on another network. */
  const changeNetwork = (): void =>
    void run(`ip -n ${world().networks.lan1} addr add 10.99.${networks++}.1/24 dev eth0`);
  const overQuic = (): Promise<unknown> =>
    waitFor('a tunnel over QUIC', async () => (await tunnels()).some(({ transport }) => transport === 'quic'));

  it('is QUIC where UDP gets through', async () => {
    await carries(16 * mib);
    const reason = 'QUIC gets through';
    // On a machine that is busy QUIC may come up too late for the first connection.
    await overQuic();
    await expect
      .poll(tunnels, { timeout: 20_000 })
      .toMatchObject([{ transport: 'quic', reason, lossPercent: expect.any(Number) }]);
  });

  it('is TCP from the first connection where UDP does not get through, and no circuit is left over', async () => {
    const left = world().overlay.portal('left');
    await left.process.stop();
    world().networks.blockUdp(1, true);
    await left.start();
    await carries(mib);
    const tcp = { transport: 'tcp', reason: expect.stringMatching(/^QUIC did not get through on this network/) };
    await expect.poll(tunnels, { timeout: 20_000 }).toMatchObject([tcp]);
    await world().waitForCircuits('the loser to go', (circuits) =>
      circuits.every(({ transport }) => transport === 'tcp'),
    );
  });

  it('goes back to QUIC in the middle of a transfer, which arrives whole', async () => {
    const dialled = world().dial({ up: 0, down: gib, answer: 'at once' });
    await dialled.received(8 * mib);
    world().networks.blockUdp(1, false);
    changeNetwork();
    await overQuic();
    expectWhole({ client: await dialled.ending, service: await world().service.nextEnding() }, 0, gib);
    await carries(mib);
  });

  it('is TCP after UDP was cut in the middle of a transfer, which ends', async () => {
    const dialled = world().dial({ up: 0, down: gib, answer: 'at once' });
    await dialled.received(8 * mib);
    world().networks.blockUdp(1, true);
    expectCut(await dialled.ending, gib);
    await world().service.nextEnding();
    await carries(mib);
    const tcp = {
      transport: 'tcp',
      reason: expect.stringMatching(/^the last QUIC tunnel fell silent/),
      lossPercent: null,
    };
    expect(await tunnels()).toMatchObject([tcp]);
  });

  it('is QUIC again where it gets through on another network', async () => {
    world().networks.blockUdp(1, false);
    changeNetwork();
    await overQuic();
    await carries(mib);
  });
});

/** A firewall that lets out TCP to the control server and to port 443, and drops everything else without a word. */
describe.skipIf(unavailable)(`a relay with --leg-port 443${skipped}`, () => {
  const world = useRelayOverlay({ datapath: 'auto', relayArgs: ['--leg-port', '443'] });

  it('takes the leg of a portal behind such a firewall there, and the other on its own port', async () => {
    const { networks, overlay } = world();
    const left = overlay.portal('left');
    networks.allowOnly(1, [443, Number(new URL(overlay.url).port)]);
    await left.process.stop();
    await left.start();
    await overlay.pairState('traffic', 'active');
    expectWhole(await world().exchange({ up: 16 * mib, down: 16 * mib, answer: 'at once' }), 16 * mib, 16 * mib);
    await world().waitForCircuits('the loser to go', (circuits) => circuits.length === 1);
    expect(await world().circuits()).toMatchObject([{ transport: 'tcp', state: 'joined', datapath: 'userspace' }]);
    const connections = run(`ip netns exec ${networks.relay} ss -Htn state established sport = :443`);
    expect(connections.split('\n').filter(Boolean)).toHaveLength(1);
  });
});
