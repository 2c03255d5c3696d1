import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import type { CircuitView, StreamView } from '@netport/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { overflowed, waitFor } from '../harness/index.js';
import { kernelLack, kernelSkipped, mib, skipped, unavailable, useRelayOverlay } from './scenario.js';

const run = promisify(execFile);
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

/** What iperf3's own sockets may hold: with what systems give unasked, its server drops what comes while it is not scheduled. */
const mostWindow = 2 * mib;
const systemLimit = (of: 'rmem' | 'wmem'): number => Number(readFileSync(`/proc/sys/net/core/${of}_max`, 'utf8'));
const iperfWindow = (): number => Math.min(mostWindow, systemLimit('rmem'), systemLimit('wmem'));

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

  const dig = async (): Promise<string> => {
    const query = ['+short', '+tries=5', '-p', `${dns}`, `@${listener}`, 'field.example'];
    const { stdout } = await run('ip', ['netns', 'exec', world().networks.lan1, 'dig', ...query]);
    return stdout.trim();
  };
  /** Datagrams that no program read in time, at either end of the tunnel. */
  const unread = (): number => overflowed(world().networks.lan1) + overflowed(world().networks.lan2);
  /** `lost` of `packets` on the way, at 20 Mbit/s: not for want of somebody who reads, on a machine that stands still. */
  const iperf3 = async (seconds: number, ...flags: string[]): Promise<{ packets: number; lost: number }> => {
    const before = unread();
    const client = ['iperf3', '--client', listener, '--port', `${iperf}`, '--udp', '--length', '1200', '--json'];
    const options = ['--bitrate', '20M', '--time', `${seconds}`, '--window', `${iperfWindow()}`, ...flags];
    const { stdout } = await run('ip', ['netns', 'exec', world().networks.lan1, ...client, ...options]);
    const { end } = JSON.parse(stdout) as { end: { sum: { packets: number; lost_packets: number } } };
    const { packets, lost_packets: missing } = end.sum;
    expect(missing).toBeLessThan(packets / 2);
    return { packets, lost: missing - (unread() - before) };
  };
  const dropped = async (): Promise<number> => {
    const streams = await world().overlay.cli<StreamView[]>(['ls', 'streams']);
    return streams.reduce((sum, stream) => sum + (stream.dropped ?? 0), 0);
  };

  it('dig resolves a name at a resolver on the other side', async () => {
    expect(await dig()).toBe('192.0.2.7');
  });

  it('iperf3 loses nothing to speak of for a minute, beside dig', { timeout: 120_000 }, async () => {
    let over = false;
    const minute = iperf3(60).finally(() => {
      over = true;
    });
    const answers: string[] = [];
    while (!over) {
      answers.push(await dig());
      await Promise.race([minute, new Promise((resolve) => setTimeout(resolve, 1000))]);
    }
    const { packets, lost } = await minute;
    expect(packets).toBeGreaterThan(100_000);
    // The tunnel loses none.
    expect(lost).toBeLessThanOrEqual(packets / 1000);
    expect(await dropped()).toBe(0);
    expect(answers.length).toBeGreaterThan(10);
    expect(new Set(answers)).toEqual(new Set(['192.0.2.7']));
  });

  it('iperf3 loses nothing to speak of on the way back', async () => {
    const { packets, lost } = await iperf3(5, '--reverse');
    expect(packets).toBeGreaterThan(5000);
    expect(lost).toBeLessThanOrEqual(packets / 100);
  });

  it.skipIf(kernelLack)(`the relay's process saw none of it${kernelSkipped}`, async () => {
    const circuits = await world().overlay.cli<CircuitView[]>(['ls', 'circuits']);
    expect(circuits.map(({ transport, datapath }) => `${transport} ${datapath}`)).toEqual(['udp xdp']);
    const streams = await world().overlay.cli<StreamView[]>(['ls', 'streams']);
    expect(streams.filter(({ protocol }) => protocol === 'udp').map(({ transport }) => transport)).toContain('quic');
  });
});
