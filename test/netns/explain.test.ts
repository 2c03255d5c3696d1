import type { Explanation } from '@netport/protocol';
import { describe, expect, it } from 'vitest';
import { waitFor } from '../harness/index.js';
import { skipped, unavailable, useRelayOverlay } from './scenario.js';

/** Portals that may use nothing but QUIC, and a network that lets no UDP through. */
describe.skipIf(unavailable)(`explain, over QUIC only${skipped}`, () => {
  const world = useRelayOverlay({ datapath: 'userspace', portalArgs: ['--transport', 'quic'] });
  const explain = async (): Promise<Explanation> => {
    const { stdout } = await world().overlay.tryCli(['explain', 'left', '127.0.0.1:7000', '--probe', '--json']);
    return JSON.parse(stdout) as Explanation;
  };

  it('blames the tunnel where UDP does not get through, and nothing where it does', async () => {
    world().networks.blockUdp(1, true);
    const { verdict, cause, hops } = await explain();
    expect(verdict).toBe('broken');
    expect(hops.filter(({ state }) => state === 'failed').map(({ hop }) => hop)).toEqual(['tunnel']);
    // The leg gives up, or the circuit does: whichever clock runs out first.
    expect(['leg_rejected', 'circuit_expired']).toContain(cause?.code);
    world().networks.blockUdp(1, false);
    // A failed set-up answers for a moment longer.
    const works = await waitFor('a tunnel', async () => {
      const told = await explain();
      return told.verdict === 'works' && told;
    });
    expect(works.cause).toBeNull();
  });
});
