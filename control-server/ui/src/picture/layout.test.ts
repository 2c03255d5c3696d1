import { tunnelSchema } from '@netport/protocol';
import { describe, expect, it } from 'vitest';
import type { TunnelRate } from '../model/rates.js';
import { labelSize, layOut, type Node, type PictureInput, widthOf } from './layout.js';

const nodes = (prefix: string, count: number): Node[] =>
  Array.from({ length: count }, (_, index) => ({ name: `${prefix}-${index + 1}`, online: true }));
const tunnel = (from: string, to: string, rate = 0, relay = 'relay-1'): TunnelRate => ({
  ...tunnelSchema.parse({
    from,
    to,
    transport: 'quic',
    path: relay ? 'relayed' : 'direct',
    relay,
    streams: 1,
    bytesSent: 0,
    bytesReceived: 0,
    rttMs: 1,
    lossPercent: null,
    congestionWindow: null,
    reason: null,
    since: '2030-01-31T12:00:00Z',
  }),
  key: `${from} ${to}`,
  sending: rate,
  receiving: 0,
});
const input = (fields: Partial<PictureInput> = {}): PictureInput => ({
  width: 1100,
  height: 620,
  portals: nodes('portal', 5),
  relays: nodes('relay', 1),
  tunnels: [],
  search: '',
  ...fields,
});

it('is the same whatever order things are told in', () => {
  const portals = nodes('portal', 40);
  const tunnels = [tunnel('portal-1', 'portal-2', 5), tunnel('portal-3', 'portal-4', 9)];
  const one = layOut(input({ portals, tunnels }));
  expect(layOut(input({ portals: [...portals].reverse(), tunnels: [...tunnels].reverse() }))).toEqual(one);
});

it('has the names in the order that people count in', () => {
  const { portals } = layOut(input({ portals: nodes('portal', 11) }));
  expect(portals.map(({ name }) => name).slice(0, 3)).toEqual(['portal-1', 'portal-2', 'portal-3']);
});

describe.each([
  { count: 5, width: 1100, height: 620 },
  { count: 24, width: 1100, height: 620 },
  { count: 100, width: 1100, height: 620 },
  { count: 100, width: 360, height: 460 },
  { count: 1000, width: 1100, height: 620 },
])('with $count portals on $width × $height', ({ count, width, height }) => {
  const picture = layOut(input({ portals: nodes('portal', count), width, height }));

  it('draws nobody outside, and says how many found no room', () => {
    for (const { x, y } of picture.portals) {
      expect(x).toBeGreaterThan(0);
      expect(x).toBeLessThan(width);
      expect(y).toBeGreaterThan(0);
      expect(y).toBeLessThan(height);
    }
    expect(picture.portals.length + picture.hidden.portals).toBe(count);
  });

  it('keeps neighbours apart by a line of text', () => {
    const apart = picture.portals.map((one, index) => {
      const next = picture.portals[(index + 1) % picture.portals.length];
      return next && next !== one ? Math.hypot(one.x - next.x, one.y - next.y) : Number.POSITIVE_INFINITY;
    });
    expect(Math.min(...apart)).toBeGreaterThan(11);
  });
});

it('shows all of a hundred portals on a desk', () => {
  expect(layOut(input({ portals: nodes('portal', 100) })).hidden.portals).toBe(0);
});

it('where there is no room for all, shows those looked for and those that are busy', () => {
  const { portals } = layOut(
    input({
      portals: nodes('portal', 1000),
      search: 'portal-99',
      tunnels: [tunnel('portal-501', 'portal-502', 1e6), tunnel('portal-601', 'portal-602')],
    }),
  );
  const names = portals.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(['portal-999', 'portal-99', 'portal-501', 'portal-502', 'portal-602']));
  expect(portals.filter(({ found }) => found)).toHaveLength(11);
});

it('draws a tunnel through its relay, a direct one past it, and none to a portal that is not drawn', () => {
  const { tunnels } = layOut(
    input({
      tunnels: [tunnel('portal-1', 'portal-2'), tunnel('portal-3', 'portal-4', 0, ''), tunnel('portal-1', 'x')],
    }),
  );
  expect(tunnels.map(({ path }) => path.split('C').length - 1).sort()).toEqual([1, 2]);
});

it('a busier tunnel is thicker, on top, and flows the way of most bytes', () => {
  expect(widthOf(1e6)).toBeGreaterThan(widthOf(1e5));
  expect(widthOf(1e12)).toBe(9);
  const { tunnels } = layOut(
    input({
      tunnels: [
        { ...tunnel('portal-1', 'portal-2'), receiving: 5e6 },
        tunnel('portal-3', 'portal-4', 7),
        tunnel('portal-1', 'portal-4'),
      ],
    }),
  );
  expect(tunnels.map(({ direction }) => direction)).toEqual(['none', 'forward', 'backward']);
});

it('labels do not cover each other', () => {
  const portals = nodes('portal', 60);
  const tunnels = portals.slice(1).map(({ name }, index) => tunnel('portal-1', name, 1000 * index));
  const labels = layOut(input({ portals, tunnels })).tunnels.flatMap(({ label }) => label ?? []);
  expect(labels.length).toBeGreaterThan(2);
  for (const [index, one] of labels.entries()) {
    for (const other of labels.slice(index + 1)) {
      const apart = Math.abs(one.x - other.x) >= labelSize.width || Math.abs(one.y - other.y) >= labelSize.height;
      expect(apart).toBe(true);
    }
  }
});

it('more relays than five stand on a ring, and not more than twelve are drawn', () => {
  const { relays, hidden } = layOut(input({ relays: nodes('relay', 15) }));
  expect(new Set(relays.map(({ x, y }) => `${x} ${y}`)).size).toBe(12);
  expect(hidden.relays).toBe(3);
});
