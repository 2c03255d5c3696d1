import type { CircuitId, Name, PairId, SpiffeId, StreamInfo, TunnelInfo } from '@netport/protocol';
import { expect, test } from 'vitest';
import { streamViews, tunnelViews } from './traffic-views.js';

const since = '2030-01-01T00:00:00Z';
const id = (name: string) => `spiffe://example.org/portal/${name}` as SpiffeId;
const [a, b] = ['a', 'b'] as Name[] as [Name, Name];

const tunnel = (change: Partial<TunnelInfo>): TunnelInfo => ({
  peer: id('b'),
  role: 'client',
  transport: 'tcp',
  path: 'relayed',
  relay: 'r',
  circuitId: 'c1' as CircuitId,
  streams: 1,
  bytesSent: 10,
  bytesReceived: 20,
  since,
  ...change,
});
const stream = (change: Partial<StreamInfo>): StreamInfo => ({
  pair: 'p' as PairId,
  peer: id('b'),
  direction: 'outgoing',
  protocol: 'tcp',
  transport: 'tcp',
  source: '127.0.0.1:1',
  bytesSent: 10,
  bytesReceived: 20,
  since,
  ...change,
});

test('a tunnel is one row, seen from the client', () => {
  const own = { rttMs: 3, lossPercent: 0.5, congestionWindow: 13_500, reason: 'QUIC gets through' };
  const client = { portal: a, tunnels: [tunnel(own)], streams: [] };
  const server = {
    portal: b,
    tunnels: [tunnel({ peer: id('a'), role: 'server', bytesSent: 21, bytesReceived: 9, lossPercent: 7 })],
    streams: [],
  };
  const row = { from: 'a', to: 'b', bytesSent: 10, bytesReceived: 20, ...own };
  expect(tunnelViews([client, server])).toMatchObject([row]);
  expect(tunnelViews([server, client])).toMatchObject([row]);
  const unknown = { rttMs: null, lossPercent: null, congestionWindow: null, reason: null };
  expect(tunnelViews([server])).toMatchObject([{ from: 'a', to: 'b', bytesSent: 9, bytesReceived: 21, ...unknown }]);
});

test('a stream is one row: counts from the listening portal, target from the dialling one', () => {
  const from = { portal: a, tunnels: [], streams: [stream({})] };
  const to = {
    portal: b,
    tunnels: [],
    streams: [
      stream({ peer: id('a'), direction: 'incoming', target: '10.0.0.5:80', bytesSent: 20, bytesReceived: 10 }),
    ],
  };
  const names = new Map([['p' as PairId, 'web']]);
  const row = { pair: 'web', from: 'a', to: 'b', bytesSent: 10, bytesReceived: 20 };
  expect(streamViews([from, to], names)).toMatchObject([{ ...row, target: '10.0.0.5:80' }]);
  expect(streamViews([from], names)).toMatchObject([{ ...row, target: null }]);
  expect(streamViews([to], names)).toMatchObject([{ ...row, target: '10.0.0.5:80' }]);
});

test('streams with equal sources take one counterpart each', () => {
  const from = { portal: a, tunnels: [], streams: [stream({ source: 'unix' }), stream({ source: 'unix' })] };
  const incoming = stream({ source: 'unix', direction: 'incoming', peer: id('a'), target: 't' });
  const rows = streamViews([from, { portal: b, tunnels: [], streams: [incoming, incoming] }], new Map());
  expect(rows.map(({ target }) => target)).toEqual(['t', 't']);
});

test('what a flow dropped is counted at both of its ends', () => {
  const udp = { protocol: 'udp', dropped: 3 } as const;
  const from = { portal: a, tunnels: [], streams: [stream(udp)] };
  const incoming = stream({ ...udp, peer: id('a'), direction: 'incoming', dropped: 4 });
  const to = { portal: b, tunnels: [], streams: [incoming] };
  expect(streamViews([from, to], new Map())).toMatchObject([{ dropped: 7 }]);
  expect(streamViews([to], new Map())).toMatchObject([{ dropped: 4 }]);
  expect(streamViews([{ ...from, streams: [stream({})] }], new Map())).toMatchObject([{ dropped: null }]);
});
