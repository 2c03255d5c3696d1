import { createLogger } from '@netport/runtime';
import { expect, it } from 'vitest';
import { RelayCore } from './core/relay-core.js';
import { userspaceDatapath } from './datapath/userspace.js';
import { RelayIo } from './io/relay-io.js';
import { relayMetrics } from './metrics.js';

it('shows circuits, half-open connections, bytes and rejections by reason', async () => {
  const describe = () => ({ interfaces: [], drops: { unbound: 7 }, declined: { mss: 3 } });
  const core = new RelayCore({ ports: { first: 1, last: 2 } });
  const datapath = { ...userspaceDatapath(), describe };
  const io = new RelayIo({
    core,
    datapath,
    onReport: () => {},
    log: createLogger('relay', 'silent'),
  });
  const build = { version: '1.2.3', certificates: () => ({ leaf: new Date(5000) }) };
  const registry = relayMetrics({ core, io, datapath, build, session: () => ({ up: true, starts: 2 }) });
  core.handle({ type: 'connected', connection: 1, port: 1 }, 0);
  // Read twice: counters are taken over, not added up.
  await registry.metrics();
  const text = await registry.metrics();
  expect(text).toContain('netport_relay_rejections_total{reason="unknown_circuit"} 1\n');
  expect(text).toContain('netport_relay_rejections_total{reason="wrong_token"} 0\n');
  expect(text).toContain('netport_relay_circuits{state="joined"} 0\n');
  expect(text).toContain('netport_relay_half_open_connections 0\n');
  expect(text).toContain('netport_relay_bytes_total{datapath="userspace"} 0\n');
  expect(text).toContain('netport_relay_packets_total{datapath="tc"} 0\n');
  expect(text).toContain('netport_relay_kernel_drops_total{reason="unbound"} 7\n');
  expect(text).toContain('netport_relay_kernel_declined_total{reason="mss"} 3\n');
  expect(text).toContain('netport_relay_joined_circuits{datapath="tc"} 0\n');
  expect(text).toContain('netport_control_up 1\n');
  expect(text).toContain('netport_control_session_starts_total 2\n');
  expect(text).toContain('netport_build_info{role="relay",version="1.2.3"} 1\n');
  expect(text).toContain('netport_certificate_expiry_timestamp_seconds{certificate="leaf"} 5\n');
});
