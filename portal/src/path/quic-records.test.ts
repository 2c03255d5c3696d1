import { limits } from '@netport/protocol';
import { expect, it } from 'vitest';
import { spiffeId } from '../testing/identities.js';
import { QuicRecords } from './quic-records.js';

it('knows each network and peer apart', () => {
  const records = new QuicRecords();
  records.learn('home', spiffeId('b'), 'blocked', 0);
  records.learn('home', spiffeId('c'), 'up', 0);
  expect(records.of('home', spiffeId('b'))?.state).toBe('down');
  expect(records.of('home', spiffeId('c'))?.state).toBe('up');
  expect(records.of('café', spiffeId('b'))).toBeUndefined();
});

it('forgets what was learned of longest ago when there is too much of it', () => {
  const records = new QuicRecords();
  const learn = (peer: string): void => records.learn('home', spiffeId(peer), 'up', 0);
  for (let n = 0; n < limits.quicRecords; n++) learn(`p${n}`);
  learn('p0');
  learn('one-more');
  const known = ['p0', 'p1', 'p2', 'one-more'].map((peer) => records.of('home', spiffeId(peer)) !== undefined);
  expect(known).toEqual([true, false, true, true]);
});
