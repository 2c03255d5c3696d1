import { layout } from '@netport/relay';
import { type ForwardOptions, forward, fromA, type IpVersion, wayToB } from './circuit.js';
import { flag, type Packet, type Segment, timestamps } from './packet.js';
import type { Machine } from './program.js';

/** Modulo 2^32, as sequence numbers and timestamps are added. */
export const plus = (number: number, add: number): number => (number + add) >>> 0;

/** Numbers as after a takeover. Sequence numbers wrap on the way: adding makes them pass 2^32. */
export const adds = { seqAdd: 0xffff_f000, ackAdd: 0x8000_0001, tsvalAdd: 0x1234_5678, tsecrAdd: 0xfedc_ba98 };
export const first = 5000;
export const marked = 9000;
export const promotedFlow = { ...adds, first, marked, flags: layout.flowFlags.timestamps };

/** Where both legs stand when the program takes them over: a has sent up to `first`, b waits for what a sends next. */
const leg = { nextSeq: first, lastAck: marked - 8, window: 20_000, seen: 1n };
export const other = {
  nextSeq: plus(marked, adds.ackAdd),
  lastAck: plus(first, adds.seqAdd),
  window: 10_000,
  seen: 1n,
  hop: wayToB,
};

/** What a sends first, if a test does not say otherwise. */
export const data: Segment = {
  seq: first,
  ack: marked,
  flags: flag.ack | flag.psh,
  window: 1000,
  options: timestamps(700_000, 800_000),
};
const payload = Uint8Array.from({ length: 33 }, (_, index) => index * 5);

/** Where the same program can stand, and what it calls forwarding there. */
export const hooks = [
  { hook: 'tc', sent: 'redirect' },
  { hook: 'xdp', sent: 'transmit' },
] as const;

export const promote = (machine: Machine, version: IpVersion = 4, options: ForwardOptions = {}): void =>
  forward(machine, version, layout.protocols.tcp, {
    flow: { ...promotedFlow, ...options.flow },
    leg: { ...leg, ...options.leg },
    other: { ...other, ...options.other },
  });

export const packetOf = (segment: Partial<Segment>, version: IpVersion = 4): Packet => ({
  ...fromA(version),
  payload,
  tcp: { ...data, ...segment },
});
