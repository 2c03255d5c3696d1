import type { CircuitId } from '@netport/protocol';
import { expect, it } from 'vitest';
import { joinDatagrams } from './datagrams.js';
import type { Endpoint } from './datapath.js';

const at = (port: number, address = '192.0.2.1'): Endpoint => ({ address, port });
const circuitId = '00000000-0000-4000-8000-000000000001' as CircuitId;

it('forwards what comes from the peer of a leg, and nothing else, to where the other peer is now', async () => {
  const sent: [leg: number, to: Endpoint, bytes: number][] = [];
  const join = joinDatagrams({
    circuitId,
    ports: [1, 2],
    peers: [at(10), at(20)],
    send: (leg, to, bytes) => sent.push([leg, to, bytes.length]),
  });
  const bytes = new Uint8Array(100);
  expect(join.received(0, at(10), bytes)).toBe(true);
  expect(join.received(1, at(20), bytes.subarray(0, 5))).toBe(true);
  for (const stranger of [at(11), at(20), at(10, '192.0.2.2')]) expect(join.received(0, stranger, bytes)).toBe(false);
  join.move(0, at(11));
  expect(join.received(0, at(10), bytes)).toBe(false);
  expect(join.received(0, at(11), bytes)).toBe(true);
  expect(join.received(1, at(20), bytes)).toBe(true);
  expect(sent).toEqual([
    [1, at(20), 100],
    [0, at(10), 5],
    [1, at(20), 100],
    [0, at(11), 100],
  ]);
  expect(join.counters()).toEqual([200, 105]);
  expect(join.packets()).toEqual([2, 2]);
  join.end();
  expect(await join.closed).toBe('circuit_closed');
});
