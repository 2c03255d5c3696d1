import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { CircuitView, StreamView } from '@netport/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../harness/index.js';
import { kernelLack, kernelSkipped, skipped, unavailable, useRelayOverlay } from './scenario.js';

const lacks = (program: string): boolean => {
  try {
    execFileSync('which', [program], { stdio: 'ignore' });
    return false;
  } catch {
    return true;
  }
};
const missing = ['dig', 'dnsmasq', 'iperf3'].find(lacks);
const lack = unavailable ?? (missing && `${missing} is not installed`);
const title = lack && !skipped ? ` (skipped: ${lack})` : skipped;

const [dns, iperf] = [5353, 5201];
const listener = '127.0.0.1';

describe.skipIf(lack)(`applications of UDP behind two NATs, over QUIC${title}`, () => {
  const world = useRelayOverlay({ datapath: 'auto', portalArgs: ['--transport', 'quic'] });
  const inside = (namespace: string, ...command: string[]) =>
    execFileSync('ip', ['netns', 'exec', namespace, ...command], { encoding: 'utf8' });
  const services: ReturnType<typeof spawn>[] = [];

  /** A service beside `right`. */
  const serve = (...command: string[]) =>
    services.push(spawn('ip', ['netns', 'exec', world().networks.lan2, ...command], { stdio: 'ignore' }));
  const listens = (kind: 'tcp' | 'udp', port: number) =>
    waitFor(`port ${port}`, async () => {
      const sockets = inside(world().networks.lan2, 'cat', `/proc/net/${kind}`);
      return sockets.includes(`:${port.toString(16).toUpperCase().padStart(4, '0')} `);
    });

  beforeAll(async () => {
    const options = [
      '--no-daemon',
      '--no-resolv',
      '--no-hosts',
      '--conf-file=/dev/null',
      '--bind-interfaces',
      '--user=root',
    ];
    serve('dnsmasq', ...options, `--port=${dns}`, '--listen-address=127.0.0.1', '--address=/field.example/192.0.2.7');
    serve('iperf3', '--server', '--bind', '127.0.0.1', '--port', `${iperf}`);
    await Promise.all([listens('udp', dns), listens('tcp', iperf)]);
    const { overlay } = world();
    await overlay.addPair('dns', `left:${listener}:${dns}`, `right:127.0.0.1:${dns}`, ['--udp']);
    await overlay.addPair('iperf', `left:${listener}:${iperf}`, `right:127.0.0.1:${iperf}`);
    await overlay.addPair('iperf-udp', `left:${listener}:${iperf}`, `right:127.0.0.1:${iperf}`, ['--udp']);
  });
  afterAll(async () => {
    for (const service of services) {
      service.kill('SIGKILL');
      if (service.exitCode === null && service.signalCode === null) await once(service, 'exit');
    }
  });

  it('dig resolves a name at a resolver on the other side', () => {
    const { lan1 } = world().networks;
    const answer = inside(lan1, 'dig', '+short', '+tries=5', '-p', `${dns}`, `@${listener}`, 'field.example');
    expect(answer.trim()).toBe('192.0.2.7');
  });

  it('iperf3 loses nothing to speak of at 20 Mbit/s, each way', () => {
    const { lan1 } = world().networks;
    for (const direction of [[], ['--reverse']]) {
      const client = ['iperf3', '--client', listener, '--port', `${iperf}`, '--udp', '--length', '1200', '--json'];
      const output = inside(lan1, ...client, '--bitrate', '20M', '--time', '5', ...direction);
      const { sum } = (JSON.parse(output) as { end: { sum: { packets: number; lost_packets: number } } }).end;
      expect(sum.packets).toBeGreaterThan(5000);
      // A busy machine may lose some between an application and its portal, which is nobody's promise.
      expect(sum.lost_packets).toBeLessThan(sum.packets / 20);
    }
  });

  it.skipIf(kernelLack)(`the relay's process saw none of it${kernelSkipped}`, async () => {
    const circuits = await world().overlay.cli<CircuitView[]>(['ls', 'circuits']);
    expect(circuits.map(({ transport, datapath }) => `${transport} ${datapath}`)).toEqual(['udp xdp']);
    const streams = await world().overlay.cli<StreamView[]>(['ls', 'streams']);
    expect(streams.filter(({ protocol }) => protocol === 'udp').map(({ transport }) => transport)).toContain('quic');
  });
});
