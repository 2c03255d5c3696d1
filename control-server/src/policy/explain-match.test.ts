import type { Name } from '@netport/protocol';
import { expect, test } from 'vitest';
import { pairRecord } from '../../test/pair-record.js';
import type { PairRecord } from '../store/store.js';
import { type Destination, matchPair } from './explain-match.js';

const now = new Date('2030-01-01T00:00:00Z');
const place = (text: string) => {
  const [, portal, address, port] = /^(\w+) (.+?)(?::(\d+))?$/.exec(text) ?? [];
  return { portal: portal as Name, address: address ?? '', ...(port && { port: Number(port) }) };
};
const pair = (name: string, from: string, to = 'b 10.0.0.5:80', change: Partial<PairRecord> = {}): PairRecord =>
  pairRecord(name, { from: place(from), to: place(to), ...change });
const asked = (change: Partial<Destination> = {}): Destination => ({
  ...{ portal: 'a' as Name, address: '127.0.0.1', port: 8080, protocol: 'tcp' },
  ...change,
});

test.each<[string, PairRecord[], Destination, string, RegExp | null]>([
  ['the same place', [pair('web', 'a 127.0.0.1:8080')], asked(), 'web', null],
  ['any address', [pair('web', 'a 10.1.1.1:8080')], asked({ address: undefined }), 'web', null],
  ['every address', [pair('web', 'a 0.0.0.0:8080')], asked(), 'web', /every address/],
  ['every address, of both families', [pair('web', 'a [::]:8080')], asked(), 'web', /every address/],
  ['localhost', [pair('web', 'a 127.0.0.1:8080')], asked({ address: 'localhost' }), 'web', /another loopback/],
  ['IPv6 as one likes', [pair('v6', 'a [fd00::1]:8080')], asked({ address: '[FD00:0::1]' }), 'v6', null],
  ['a name in capitals', [pair('dns', 'a gw.lan:8080')], asked({ address: 'GW.lan' }), 'dns', null],
  [
    'a unix socket',
    [pair('unix', 'a unix:/run/x.sock')],
    asked({ address: 'unix:/run/x.sock', port: undefined }),
    'unix',
    null,
  ],
  [
    'the exact one before one on every address',
    [pair('all', 'a 0.0.0.0:8080'), pair('one', 'a 127.0.0.1:8080')],
    asked(),
    'one',
    null,
  ],
  [
    'one in force before an exact one that is not',
    [pair('all', 'a 0.0.0.0:8080'), pair('off', 'a 127.0.0.1:8080', 'b ::1:80', { enabled: false })],
    asked(),
    'all',
    /every address/,
  ],
])('finds a pair by %s', (_what, pairs, destination, found, note) => {
  const match = matchPair(pairs, destination, now);
  expect(match).toMatchObject({ pair: { name: found }, nearest: [] });
  if (note) expect(match.note).toMatch(note);
  else expect(match.note).toBeNull();
});

test.each<[string, PairRecord, Destination, string]>([
  ['another port', pair('x', 'a 127.0.0.1:8081'), asked(), 'it listens on 127.0.0.1:8081, another port'],
  ['another address', pair('x', 'a 10.1.1.1:8080'), asked(), 'it listens on 10.1.1.1:8080, another address'],
  [
    'one address instead of every one',
    pair('x', 'a 127.0.0.1:8080'),
    asked({ address: '0.0.0.0' }),
    'it listens on 127.0.0.1:8080, another address',
  ],
  [
    'IPv6 instead of every IPv4 address',
    pair('x', 'a 0.0.0.0:8080'),
    asked({ address: '[::1]' }),
    'it listens on 0.0.0.0:8080, another address',
  ],
  [
    'another protocol',
    pair('x', 'a 127.0.0.1:8080', 'b 10.0.0.5:80', { protocol: 'udp' }),
    asked(),
    'it is for udp, not tcp',
  ],
  ['another portal', pair('x', 'c 127.0.0.1:8080'), asked(), 'it listens at c, not here'],
  [
    'the other way, asked for its target',
    pair('x', 'b 127.0.0.1:1', 'a 127.0.0.1:8080'),
    asked(),
    'it leads the other way: b listens on 127.0.0.1:1, and a dials 127.0.0.1:8080',
  ],
  [
    'the other way, asked for its listener',
    pair('x', 'b 127.0.0.1:8080', 'a 10.0.0.5:80'),
    asked(),
    'it leads the other way: b listens on 127.0.0.1:8080, and a dials 10.0.0.5:80',
  ],
])('names what comes close: %s', (_what, near, destination, difference) => {
  expect(matchPair([near], destination, now)).toEqual({
    pair: undefined,
    note: null,
    nearest: [{ pair: 'x', difference }],
  });
});

test.each<[string, PairRecord]>([
  ['another port at another portal', pair('x', 'c 127.0.0.1:8081')],
  ['another port and address', pair('x', 'a 10.1.1.1:8081')],
  ['a unix socket', pair('x', 'a unix:/run/x.sock')],
])('does not call close: %s', (_what, far) => {
  expect(matchPair([far], asked(), now).nearest).toEqual([]);
});

test('the closest comes first, and only a few are named', () => {
  const ports = Array.from({ length: 9 }, (_, at) => pair(`p${at}`, `a 127.0.0.1:${8090 - at}`));
  const { nearest } = matchPair([pair('elsewhere', 'c 127.0.0.1:8080'), ...ports], asked(), now);
  expect(nearest.map((near) => near.pair)).toEqual(['elsewhere', 'p8', 'p7', 'p6', 'p5']);
});

test('a question about no place finds nothing, unix sockets least of all', () => {
  const question = asked({ address: undefined, port: undefined });
  expect(matchPair([pair('unix', 'a unix:/run/x.sock')], question, now).pair).toBeUndefined();
});
