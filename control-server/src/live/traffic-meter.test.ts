import { limits, type Name, type StreamView, type TunnelView } from '@netport/protocol';
import { expect, test } from 'vitest';
import { TrafficMeter } from './traffic-meter.js';

const at = new Date('2030-01-01T00:00:00Z');
const since = at.toISOString();
const [from, to] = ['a', 'b'] as Name[] as [Name, Name];

const stream = (port: number, bytesSent: number): StreamView => ({
  ...{ pair: 'web', from, to, protocol: 'tcp', transport: 'quic', source: `127.0.0.1:${port}`, target: null },
  ...{ bytesSent, bytesReceived: 0, dropped: null, since },
});
const tunnel = (bytesSent: number, bytesReceived: number): TunnelView => ({
  ...{ from, to, transport: 'quic', path: 'relayed', relay: 'r', streams: 1, bytesSent, bytesReceived },
  ...{ rttMs: null, lossPercent: null, congestionWindow: null, reason: null, since },
});
const sample = (streams: StreamView[], tunnels: TunnelView[] = []) => ({ streams, tunnels, circuits: [] });

test('of more streams than are shown, those that were busiest since the last picture come first', () => {
  const meter = new TrafficMeter();
  const idle = Array.from({ length: limits.liveStreams }, (_, port) => stream(port, 1000));
  meter.next(sample([...idle, stream(5000, 0), stream(5001, 0)]), at);
  const { streams, totals } = meter.next(sample([...idle, stream(5000, 10), stream(5001, 20)]), at);
  expect(streams.slice(0, 2).map(({ source }) => source)).toEqual(['127.0.0.1:5001', '127.0.0.1:5000']);
  expect(streams).toHaveLength(limits.liveStreams);
  expect(totals.streams).toBe(limits.liveStreams + 2);
});

test('totals grow with each tunnel, and never fall when one ends', () => {
  const meter = new TrafficMeter();
  const totals = [[tunnel(10, 1)], [tunnel(15, 1)], [], [tunnel(5, 5)]].map((tunnels) => {
    const { bytesSent, bytesReceived } = meter.next(sample([], tunnels), at).totals;
    return [bytesSent, bytesReceived];
  });
  expect(totals).toEqual([
    [10, 1],
    [15, 1],
    [15, 1],
    [20, 6],
  ]);
});
