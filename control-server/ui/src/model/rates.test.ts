import { type TunnelView, tunnelSchema } from '@netport/protocol';
import { describe, expect, it } from 'vitest';
import { byRate, historyLength, type RatePoint, tunnelRates, withPoint } from './rates.js';

const tunnel = (fields: Partial<TunnelView> = {}): TunnelView => ({
  ...tunnelSchema.parse({
    from: 'a',
    to: 'b',
    transport: 'quic',
    path: 'relayed',
    relay: 'relay-1',
    streams: 1,
    bytesSent: 0,
    bytesReceived: 0,
    rttMs: null,
    lossPercent: null,
    congestionWindow: null,
    reason: null,
    since: '2030-01-31T12:00:00.000Z',
  }),
  ...fields,
});
const at = (second: number) => new Date(Date.UTC(2030, 0, 31, 12, 0, second)).toISOString();

describe('rates of tunnels', () => {
  it('are what was carried between two samples, by their own clock', () => {
    const before = { at: at(0), tunnels: [tunnel({ bytesSent: 100, bytesReceived: 1000 })] };
    const after = { at: at(2), tunnels: [tunnel({ bytesSent: 300, bytesReceived: 5000 })] };
    expect(tunnelRates(before, after)).toMatchObject([{ sending: 100, receiving: 2000 }]);
  });

  it('stand at zero for a tunnel that was not there before, or was built anew', () => {
    const before = { at: at(0), tunnels: [tunnel({ bytesSent: 100 })] };
    const after = { at: at(1), tunnels: [tunnel({ bytesSent: 900, since: at(1) as TunnelView['since'] })] };
    expect(tunnelRates(before, after)).toMatchObject([{ sending: 0, receiving: 0 }]);
    expect(tunnelRates(undefined, after)).toMatchObject([{ sending: 0 }]);
  });

  it('are never negative, nor made of two samples of one instant', () => {
    const sample = (bytesSent: number, second: number) => ({ at: at(second), tunnels: [tunnel({ bytesSent })] });
    expect(tunnelRates(sample(500, 0), sample(100, 1))).toMatchObject([{ sending: 0 }]);
    expect(tunnelRates(sample(100, 0), sample(500, 0))).toMatchObject([{ sending: 0 }]);
  });

  it('put the busiest first, and keep the order of equal ones', () => {
    const rates = tunnelRates(undefined, {
      at: at(0),
      tunnels: ['c', 'a', 'b'].map((from) => tunnel({ from: from as TunnelView['from'] })),
    });
    expect([...rates].sort(byRate).map(({ from }) => from)).toEqual(['a', 'b', 'c']);
    const busy = rates.map((rate) => (rate.from === 'b' ? { ...rate, receiving: 1 } : rate));
    expect(busy.sort(byRate)[0]).toMatchObject({ from: 'b' });
  });
});

it('the history sums all tunnels and forgets what is old', () => {
  const full: RatePoint[] = Array.from({ length: historyLength }, (_, at) => ({ at, sending: 0, receiving: 0 }));
  const rates = tunnelRates(undefined, { at: at(0), tunnels: [tunnel(), tunnel()] }).map((rate) => ({
    ...rate,
    sending: 2,
    receiving: 3,
  }));
  const next = withPoint(full, at(7), rates);
  expect(next).toHaveLength(historyLength);
  expect(next[0]).toMatchObject({ at: 1 });
  expect(next.at(-1)).toMatchObject({ at: Date.parse(at(7)) / 1000, sending: 4, receiving: 6 });
});
