import { encodeReadyMark } from '@netport/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { addressBytes } from './address.js';
import { type Flow, flowFlags, noHop } from './layout.js';
import { hasChanged, type Promotion, type PromotionLeg, promote, translateWindow } from './promotion.js';
import { type FrozenState, tcpOptions } from './sockets.js';

const idle: FrozenState = {
  state: 1,
  options: tcpOptions.timestamps | tcpOptions.sack | tcpOptions.wscale,
  sndSeq: 1000,
  rcvSeq: 2000,
  sndWl1: 1944,
  sndWnd: 64000,
  maxWindow: 64000,
  rcvWnd: 65000,
  rcvWup: 2000,
  timestamp: 5000,
  sndWscale: 7,
  rcvWscale: 7,
  sndMss: 1388,
  advMss: 1388,
  rcvMss: 536,
  peerMss: 1400,
  pmtu: 1500,
  unackedSegments: 0,
  unread: 0,
  unsent: 0,
};

interface Change {
  frozen?: Partial<FrozenState>;
  sender?: Partial<NonNullable<PromotionLeg['sender']>>;
  local?: string;
  remote?: string;
}

function leg(
  port: number,
  { frozen, sender, local = '192.0.2.1', remote = '198.51.100.7' }: Change = {},
): PromotionLeg {
  const address = addressBytes(local);
  return {
    local: { address, port },
    remote: { address: addressBytes(remote), port: port + 40000 },
    frozen: { ...idle, ...frozen },
    sender: { seen: 9n, local: address, hop: noHop, tsval: 700, window: 500, timestamps: 1, ...sender },
  };
}

const nowhere = () => false;

function promotion(a: PromotionLeg, b: PromotionLeg, isLocal: (address: Uint8Array) => boolean = nowhere): Promotion {
  const result = promote([a, b], isLocal);
  if ('decline' in result) throw new Error(result.decline);
  return result;
}

/** What of a segment is translated. */
interface Fields {
  seq: number;
  ack: number;
  tsval: number;
  tsecr: number;
}

/** What xdp/shared.h says that the program does. */
const translate = (flow: Omit<Flow, 'leg'>, { seq, ack, tsval, tsecr }: Fields): Fields => ({
  seq: (seq + flow.seqAdd) >>> 0,
  ack: (ack + flow.ackAdd) >>> 0,
  tsval: (tsval + flow.tsvalAdd) >>> 0,
  tsecr: (tsecr + flow.tsecrAdd) >>> 0,
});

describe('a promoted circuit', () => {
  const a = leg(1, { frozen: { sndSeq: 0xfffffffa, rcvSeq: 0xffffffff, timestamp: 0xffffffff, rcvWscale: 2 } });
  const b = leg(2, { frozen: { sndSeq: 10, rcvSeq: 20, timestamp: 30, sndWscale: 5 }, sender: { tsval: 0xfffffff0 } });

  it('has for each leg who sends, and where it goes', () => {
    const [first, second] = promotion(a, b).legs;
    expect(first.key).toEqual({ remote: a.remote.address, remotePort: 40001, localPort: 1, protocol: 6 });
    expect(first.flow).toMatchObject({
      local: a.local.address,
      nextLocal: b.local.address,
      nextLocalPort: 2,
      nextRemote: b.remote.address,
      nextRemotePort: 40002,
    });
    expect(second.key.localPort).toBe(2);
    expect(second.flow.nextLocalPort).toBe(1);
  });

  it('goes on behind the ready mark, past the end of the numbers', () => {
    const [first, second] = promotion(a, b).legs;
    // What a sends first is what b expects behind its mark; its acknowledgement of the mark acknowledges nothing of b.
    expect(translate(first.flow, { seq: 0xffffffff, ack: 2, tsval: 700, tsecr: 0 })).toEqual({
      seq: 18,
      ack: 20,
      tsval: 31,
      tsecr: 0xfffffff0,
    });
    expect(translate(second.flow, { seq: 20, ack: 18, tsval: 0xfffffff1, tsecr: 31 })).toEqual({
      seq: 2,
      ack: 0xffffffff,
      tsval: 1,
      tsecr: 700,
    });
    expect([first.flow.first, first.flow.marked]).toEqual([0xffffffff, 2]);
    expect([second.flow.first, second.flow.marked]).toEqual([20, 18]);
  });

  it('knows the leg that it begins with', () => {
    const [first] = promotion(a, b).legs;
    expect(first.start).toMatchObject({
      seen: 9n,
      nextSeq: 0xffffffff,
      lastAck: 0xfffffffa,
      window: 500 << 7,
      marked: 0,
    });
  });

  it('begins with a mark that looks as if the other portal had sent it', () => {
    const [first, second] = promotion(a, b).legs;
    expect(first.mark).toEqual({
      from: a.local,
      to: a.remote,
      seq: 0xfffffffa,
      ack: 0xffffffff,
      flags: 0x18,
      window: (500 << 5) >> 2,
      timestamps: { value: 0, echo: 700 },
      payload: encodeReadyMark(),
    });
    expect(second.mark.timestamps).toEqual({ value: 31, echo: 0xfffffff0 });
  });

  it('translates windows between the scales of the legs', () => {
    const [first, second] = promotion(a, b).legs;
    expect([first.flow.windowLeft, first.flow.windowRight]).toEqual([7, 7]);
    expect([second.flow.windowLeft, second.flow.windowRight]).toEqual([5, 2]);
    expect(translateWindow(0xffff, 14, 0)).toBe(0xffff);
    expect(translateWindow(1, 0, 14)).toBe(1);
    expect(translateWindow(0, 7, 0)).toBe(0);
  });

  it('is passed up where the portal is on this machine', () => {
    const here = leg(2, { remote: '192.0.2.1' });
    const local = Buffer.from(here.remote.address);
    const [first, second] = promotion(a, here, (address) => local.equals(address)).legs;
    expect(first.flow.flags).toBe(flowFlags.deliver | flowFlags.timestamps);
    expect(second.flow.flags).toBe(flowFlags.timestamps);
  });

  it('does without timestamps where both legs do', () => {
    const plain = { frozen: { options: tcpOptions.sack }, sender: { timestamps: 0, tsval: 0 } };
    const [first] = promotion(leg(1, plain), leg(2, plain)).legs;
    expect(first.flow).toMatchObject({ tsvalAdd: 0, tsecrAdd: 0, flags: 0 });
    expect(first.mark.timestamps).toBeUndefined();
  });
});

it('a segment that goes to the other leg and back is the same', () => {
  const u32 = fc.nat(0xffffffff);
  const anyLeg = (port: number) =>
    fc
      .record({ sndSeq: u32, rcvSeq: u32, timestamp: u32, tsval: u32 })
      .map(({ tsval, ...frozen }) => leg(port, { frozen, sender: { tsval } }));
  fc.assert(
    fc.property(anyLeg(1), anyLeg(2), fc.record({ seq: u32, ack: u32, tsval: u32, tsecr: u32 }), (a, b, segment) => {
      const [first, second] = promotion(a, b).legs;
      const there = translate(first.flow, segment);
      // The other portal answers: it acknowledges what it got, and echoes the timestamp.
      const answer = { seq: there.ack, ack: there.seq, tsval: there.tsecr, tsecr: there.tsval };
      const back = translate(second.flow, answer);
      expect({ seq: back.ack, ack: back.seq, tsval: back.tsecr, tsecr: back.tsval }).toEqual(segment);
    }),
  );
});

it('timestamps never go back: what follows is later than what the relay itself has sent', () => {
  const u32 = fc.nat(0xffffffff);
  fc.assert(
    fc.property(u32, u32, fc.nat(0x7ffffffe), (timestamp, tsval, later) => {
      const [first, second] = promotion(leg(1, { sender: { tsval } }), leg(2, { frozen: { timestamp } })).legs;
      const sent = translate(first.flow, { seq: 0, ack: 0, tsval: (tsval + later) >>> 0, tsecr: 0 }).tsval;
      expect((sent - timestamp) | 0).toBeGreaterThan(0);
      expect((sent - (second.mark.timestamps?.value ?? 0)) | 0).toBeGreaterThanOrEqual(0);
    }),
  );
});

describe('a circuit stays in userspace', () => {
  it.each<[string, string, Change]>([
    ['with a leg that was ended', 'not_established', { frozen: { state: 8 } }],
    ['with early data', 'unread', { frozen: { unread: 1 } }],
    ['with bytes that are not acknowledged', 'unacked', { frozen: { unsent: 1 } }],
    ['with segments that are not acknowledged', 'unacked', { frozen: { unackedSegments: 1 } }],
    ['with TCP Fast Open', 'unsupported', { frozen: { options: idle.options | tcpOptions.synData } }],
    ['with IPv6 on one side', 'unsupported', { local: '2001:db8::1', remote: '2001:db8::2' }],
    ['without SACK on one side', 'options_differ', { frozen: { options: idle.options & ~tcpOptions.sack } }],
    [
      'without timestamps on one side',
      'options_differ',
      { frozen: { options: idle.options & ~tcpOptions.timestamps } },
    ],
    ['with ECN on one side', 'options_differ', { frozen: { options: idle.options | tcpOptions.ecn } }],
    ['when a leg takes smaller segments only', 'mss', { frozen: { sndMss: 1387 } }],
    ['when a leg was told that it may send larger ones', 'mss', { frozen: { advMss: 1389 } }],
    ['without a recorded timestamp', 'no_record', { sender: { timestamps: 0 } }],
    ['when it came to another address', 'address', { sender: { local: addressBytes('192.0.2.2') } }],
    ['with VLAN tags on one side', 'vlan', { sender: { hop: { ...noHop, outerVlan: 5 } } }],
  ])('%s', (_, decline, change) => {
    expect(promote([leg(1), leg(2, change)], nowhere)).toEqual({ decline });
    expect(promote([leg(1, change), leg(2)], nowhere)).toEqual({ decline });
  });

  it('without a record of a leg', () => {
    expect(promote([leg(1), { ...leg(2), sender: undefined }], nowhere)).toEqual({ decline: 'no_record' });
  });

  it('between link-local addresses', () => {
    const local = { local: 'fe80::1', remote: 'fe80::2' };
    expect(promote([leg(1, local), leg(2, local)], nowhere)).toEqual({ decline: 'unsupported' });
  });

  it('over different VLANs', () => {
    const tagged = (n: number, outerVlan: number) => leg(n, { sender: { hop: { ...noHop, outerVlan } } });
    expect(promote([tagged(1, 5), tagged(2, 6)], nowhere)).toEqual({ decline: 'vlan' });
  });

  it('but not for different window scaling, or priorities in one VLAN', () => {
    const other: Change = {
      frozen: { options: idle.options & ~tcpOptions.wscale, sndWscale: 0, rcvWscale: 0 },
      sender: { hop: { ...noHop, outerVlan: 0x2005 } },
    };
    promotion(leg(1, { sender: { hop: { ...noHop, outerVlan: 5 } } }), leg(2, other));
  });
});

it('a leg has changed when anything came or went, not when time has passed', () => {
  expect(hasChanged(idle, { ...idle, timestamp: 6000, rcvMss: 1000 })).toBe(false);
  for (const change of [
    { state: 8 },
    { rcvSeq: 2001 },
    { sndSeq: 1001 },
    { unread: 1 },
    { unsent: 1 },
    { sndWnd: 0 },
  ]) {
    expect(hasChanged(idle, { ...idle, ...change })).toBe(true);
  }
});
