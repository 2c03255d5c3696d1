import { readFileSync } from 'node:fs';
import { bindBytes, bindMagic, bindVersion, type CircuitId, limits } from '@netport/protocol';
import { beforeEach, describe, expect, it } from 'vitest';
import { bindOf, readAnswer } from '../testing/binds.js';
import type { RelayCommand, RelayEvent } from './events.js';
import { RelayCore } from './relay-core.js';

const ports = { first: 1000, last: 1009 };
const tokens = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)] as const;
const circuitId = '00000000-0000-4000-8000-000000000000' as CircuitId;
const otherId = '00000000-0000-4000-8000-000000000001' as CircuitId;
const at = (port: number) => ({ address: '192.0.2.1', port });

let core: RelayCore;
let now: number;
beforeEach(() => {
  core = new RelayCore({ ports });
  now = 0;
  handle({ type: 'open', request: 1, circuitId, transport: 'udp', tokens });
  for (const port of [1000, 1001]) handle({ type: 'listening', port });
});

const handle = (event: RelayEvent) => core.handle(event, now);
const send = (leg: 0 | 1, counter: number, from: number, bytes = bindOf(circuitId, tokens[leg], counter)) =>
  handle({ type: 'datagram', port: 1000 + leg, from: at(from), bytes });
/** The commands, with answers read by whoever has the leg's token. */
const told = (commands: RelayCommand[]) =>
  commands.map((command) =>
    command.type === 'answer'
      ? [command.port, command.to.port, ...readAnswer(command.bytes, tokens[command.port === 1000 ? 0 : 1])]
      : command,
  );
const forwarded = (...packets: [number, number]) => handle({ type: 'forwarded', circuits: [{ circuitId, packets }] });

function joinBoth(): void {
  send(0, 1, 5000);
  send(1, 1, 6000);
}

describe('a bind', () => {
  it.each([
    [0, 1],
    [1, 0],
  ] as const)('of leg %i, then of leg %i, joins and answers both', (first, second) => {
    expect(told(send(first, 7, 5000 + first))).toEqual([[1000 + first, 5000 + first, 'waiting', 7]]);
    expect(told(send(second, 9, 5000 + second))).toEqual([
      { type: 'join_datagrams', circuitId, ports: [1000, 1001], peers: [at(5000), at(5001)] },
      [1000, 5000, 'joined', first === 0 ? 7 : 9],
      [1001, 5001, 'joined', first === 0 ? 9 : 7],
      { type: 'tell', report: { type: 'joined', circuitId } },
    ]);
    expect(core.counts).toMatchObject({ circuits: 1, joined: 1, ports: 2 });
    expect(core.nextDeadline()).toBeUndefined();
  });

  it('may be repeated and may come from elsewhere before the other leg is there', () => {
    send(0, 1, 5000);
    expect(told(send(0, 2, 5000))).toEqual([[1000, 5000, 'waiting', 2]]);
    expect(told(send(0, 3, 5001))).toEqual([[1000, 5001, 'waiting', 3]]);
    expect(send(1, 1, 6000)).toContainEqual(expect.objectContaining({ peers: [at(5001), at(6000)] }));
  });

  it('with a higher counter moves a joined leg, from the same place it is only answered', () => {
    joinBoth();
    expect(told(send(0, 2, 5000))).toEqual([[1000, 5000, 'joined', 2]]);
    expect(told(send(0, 3, 5001))).toEqual([
      { type: 'move', circuitId, leg: 0, peer: at(5001) },
      [1000, 5001, 'joined', 3],
    ]);
    expect(told(send(1, 2 ** 40, 6001))).toEqual([
      { type: 'move', circuitId, leg: 1, peer: at(6001) },
      [1001, 6001, 'joined', 2 ** 40],
    ]);
  });

  it.each([
    ['replayed', bindOf(circuitId, tokens[0], 5)],
    ['replayed', bindOf(circuitId, tokens[0], 4)],
    ['replayed', bindOf(circuitId, tokens[0], 0)],
    ['wrong_mac', bindOf(circuitId, tokens[1], 6)],
    ['wrong_mac', bindOf(circuitId, new Uint8Array(), 6)],
    ['unknown_circuit', bindOf(otherId, tokens[0], 6)],
    ['malformed', bindOf(circuitId, tokens[0], 6, 'waiting')],
    ['malformed', bindOf(circuitId, tokens[0], 6, 'joined')],
    ['malformed', bindOf(circuitId, tokens[0], 6).fill(9, 5, 6)],
    ['malformed', bindOf(circuitId, tokens[0], 6).subarray(0, 63)],
    ['malformed', new Uint8Array(64)],
  ] as const)('that is %s changes nothing and gets no answer', (rejection, bytes) => {
    send(0, 5, 5000);
    expect(send(0, 0, 5000, bytes)).toEqual([]);
    expect(send(0, 0, 5001, bytes)).toEqual([]);
    expect(core.rejected[rejection]).toBe(2);
    expect(send(1, 1, 6000)).toContainEqual(expect.objectContaining({ peers: [at(5000), at(6000)] }));
    expect(send(0, 0, 5001, bytes)).toEqual([]);
  });

  it('to a port of nobody, or of a circuit that has ended, gets no answer', () => {
    expect(handle({ type: 'datagram', port: 1009, from: at(1), bytes: bindOf(circuitId, tokens[0], 1) })).toEqual([]);
    handle({ type: 'close', circuitId });
    expect(send(0, 1, 5000)).toEqual([]);
    expect(core.rejected.unknown_circuit).toBe(2);
  });
});

describe('the end', () => {
  it('comes when one leg alone is bound for too long', () => {
    send(0, 1, 5000);
    now = limits.legBindTimeout;
    expect(handle({ type: 'tick' })).toEqual([
      { type: 'unlisten', port: 1000 },
      { type: 'unlisten', port: 1001 },
      { type: 'tell', report: { type: 'ended', circuitId, code: 'circuit_expired' } },
    ]);
  });

  it('closes the ports, which stayed open until then', () => {
    joinBoth();
    expect(handle({ type: 'close', circuitId })).toEqual([
      { type: 'part', circuitId },
      { type: 'unlisten', port: 1000 },
      { type: 'unlisten', port: 1001 },
      { type: 'tell', report: { type: 'ended', circuitId, code: 'circuit_closed' } },
    ]);
    expect(core.counts.ports).toBe(0);
  });

  it.each([
    [0, [1, 0]],
    [1, [0, 1]],
  ] as const)('comes when nothing came from leg %i, whatever the other one sends', (_silent, step) => {
    joinBoth();
    const packets: [number, number] = [0, 0];
    for (let polls = 1; now < limits.udpLegIdle; polls++) {
      expect(forwarded(...packets)).toEqual([]);
      now = polls * limits.udpLegPoll;
      packets[0] += step[0];
      packets[1] += step[1];
    }
    expect(told(forwarded(...packets))).toContainEqual({
      type: 'tell',
      report: { type: 'ended', circuitId, code: 'tunnel_lost' },
    });
  });

  it('does not come while packets or binds come from both', () => {
    joinBoth();
    for (let count = 1; count < 50; count++) {
      now = count * (limits.udpLegIdle - 1);
      send(0, count + 1, 5000);
      expect(forwarded(0, count)).toEqual([]);
    }
  });

  it('counts the wait for the other leg as no silence', () => {
    send(0, 1, 5000);
    now = limits.legBindTimeout - 1;
    send(1, 1, 6000);
    now += limits.udpLegIdle - 1;
    expect(forwarded(0, 0)).toEqual([]);
  });
});

describe('an adopted circuit', () => {
  const adopted = { circuitId: otherId, transport: 'udp', ports: [1002, 2002] } as const;
  beforeEach(() => {
    expect(handle({ type: 'adopt', ...adopted })).toEqual([]);
  });

  it('runs, and keeps those of its ports that are of the range', () => {
    expect(core.counts).toMatchObject({ circuits: 2, joined: 1, ports: 3 });
    const third = '00000000-0000-4000-8000-000000000002' as CircuitId;
    const opened = handle({ type: 'open', request: 2, circuitId: third, transport: 'tcp', tokens });
    expect(opened).toMatchObject([{ port: 1003 }, { port: 1004 }]);
  });

  it('ends as any other, on command, by itself, or in silence', () => {
    const ended = (code: string) => ({ type: 'tell', report: { type: 'ended', circuitId: otherId, code } });
    expect(handle({ type: 'close', circuitId: otherId })).toEqual([
      { type: 'part', circuitId: otherId },
      ended('circuit_closed'),
    ]);
    expect(core.counts).toMatchObject({ circuits: 1, ports: 2 });
    handle({ type: 'adopt', ...adopted });
    expect(handle({ type: 'parted', circuitId: otherId, code: 'tunnel_lost' })).toContainEqual(ended('tunnel_lost'));
    handle({ type: 'adopt', ...adopted, ports: [1005, 1006] });
    now = limits.udpLegIdle;
    const silent = handle({ type: 'forwarded', circuits: [{ circuitId: otherId, packets: [0, 0] }] });
    expect(silent).toContainEqual(ended('tunnel_lost'));
  });
});

it('the kernel program knows a bind by the same bytes', () => {
  const header = readFileSync(new URL('../../xdp/shared.h', import.meta.url), 'utf8');
  const value = (name: string) => Number(new RegExp(`#define ${name} (\\w+)`).exec(header)?.[1]);
  expect(value('NP_BIND_BYTES')).toBe(bindBytes);
  expect(value('NP_BIND_MAGIC')).toBe(bindMagic);
  expect(value('NP_BIND_VERSION')).toBe(bindVersion);
});
