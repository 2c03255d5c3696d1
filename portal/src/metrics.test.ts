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
  const metrics = portalMetrics({
    totals: () => noDatagrams(),
    drops: noDrops,
    streams: () => 0,
    tunnels: () => tunnels,
    transportChanges: () => ({ fallbacks: 3, upgrades: 2 }),
    failedListeners: () => 0,
    policyVersion: () => 0,
    session: { up: true, starts: 1 },
    version: '1.2.3',
    certificates: () => ({ leaf: new Date(5000) }),
    droppedEvents: () => 0,
    streamReports: () => ({ size: 0, dropped: 0 }),
  });
  metrics.tunnelDialled('quic', 0.2);
  const page = await metrics.registry.metrics();
  expect(page).toContain('netport_tunnels{role="client",transport="tcp"} 1');
  expect(page).toContain('netport_tunnels{role="client",transport="quic"} 2');
  expect(page).toContain('netport_tunnels{role="server",transport="quic"} 0');
  expect(page).toContain('netport_quic_fallbacks_total 3');
  expect(page).toContain('netport_quic_upgrades_total 2');
  expect(page).toContain('netport_control_up 1');
  expect(page).toContain('netport_certificate_expiry_timestamp_seconds{certificate="leaf"} 5');
  expect(page).toContain('netport_tunnel_setup_seconds_bucket{le="0.1",transport="quic"} 0');
  expect(page).toContain('netport_tunnel_setup_seconds_bucket{le="0.25",transport="quic"} 1');
});
