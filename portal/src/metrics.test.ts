import { expect, it } from 'vitest';
import { noDrops } from './datagram-end.js';
import { portalMetrics } from './metrics.js';
import { contextOf } from './testing/tunnels.js';
import { memoryTunnels } from './tunnel/memory.js';
import { noDatagrams } from './tunnel/tunnel.js';

it('counts tunnels by transport, and what became of the choice', async () => {
  const tunnel = (transport: 'tcp' | 'quic') => {
    const handlers = { onStream: () => {}, onFlow: () => {} };
    return memoryTunnels({ client: { ...contextOf('client'), transport }, server: contextOf('server'), ...handlers })
      .client;
  };
  const tunnels = [tunnel('tcp'), tunnel('quic'), tunnel('quic')];
  const { registry } = portalMetrics({
    totals: () => noDatagrams(),
    drops: noDrops,
    streams: () => 0,
    tunnels: () => tunnels,
    transportChanges: () => ({ fallbacks: 3, upgrades: 2 }),
    failedListeners: () => 0,
    policyVersion: () => 0,
    controlUp: () => true,
    droppedEvents: () => 0,
    streamReports: () => ({ size: 0, dropped: 0 }),
  });
  const page = await registry.metrics();
  expect(page).toContain('netport_tunnels{role="client",transport="tcp"} 1');
  expect(page).toContain('netport_tunnels{role="client",transport="quic"} 2');
  expect(page).toContain('netport_tunnels{role="server",transport="quic"} 0');
  expect(page).toContain('netport_quic_fallbacks_total 3');
  expect(page).toContain('netport_quic_upgrades_total 2');
});
