import { addressBytes, layout } from '@netport/relay';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  circuitId,
  ends,
  type ForwardOptions,
  forward,
  fromA,
  type IpVersion,
  keyOf,
  macs,
  ports,
  toB,
  wayToB,
} from './circuit.js';
import { flag, frame, option, type Packet, type Segment, sack, timestamps } from './packet.js';
import { type Hook, lack, Machine, titled } from './program.js';

const { tcp } = layout.protocols;
const versions: IpVersion[] = [4, 6];
const payload = Uint8Array.from({ length: 33 }, (_, index) => index * 5);

/** Numbers as after a takeover. Sequence numbers wrap on the way: adding makes them pass 2^32. */
const adds = { seqAdd: 0xffff_f000, ackAdd: 0x8000_0001, tsvalAdd: 0x1234_5678, tsecrAdd: 0xfedc_ba98 };
const plus = (number: number, add: number) => (number + add) >>> 0;
const first = 5000;
const marked = 9000;
const flow = { ...adds, first, marked, flags: layout.flowFlags.timestamps };
/** Where both legs stand when the program takes them over: a has sent up to `first`, b waits for what a sends next. */
const leg = { nextSeq: first, lastAck: marked - 8, window: 20_000, seen: 1n };
const other = {
  nextSeq: plus(marked, adds.ackAdd),
  lastAck: plus(first, adds.seqAdd),
  window: 10_000,
  seen: 1n,
  hop: wayToB,
};
const data: Segment = {
  seq: first,
  ack: marked,
  flags: flag.ack | flag.psh,
  window: 1000,
  options: timestamps(700_000, 800_000),
};

const hooks = [
  { hook: 'tc', sent: 'redirect' },
  { hook: 'xdp', sent: 'transmit' },
] as const;

describe.skipIf(lack).each(hooks)(titled('a segment at $hook'), ({ hook, sent }) => {
  let machine: Machine;
  beforeAll(() => {
    machine = new Machine({ tcpAtXdp: hook === 'xdp' });
  });
  beforeEach(() => machine.reset());
  afterAll(() => machine.close());

  const promote = (version: IpVersion = 4, options: ForwardOptions = {}) =>
    forward(machine, version, tcp, {
      flow: { ...flow, ...options.flow },
      leg: { ...leg, ...options.leg },
      other: { ...other, ...options.other },
    });
  const packetOf = (segment: Partial<Segment>, version: IpVersion = 4): Packet => ({
    ...fromA(version),
    payload,
    tcp: { ...data, ...segment },
  });
  const verdictOf = (packet: Packet, at: Hook = hook) => {
    const { verdict, drops } = machine.run(at, frame(packet));
    const [reason] = Object.keys(drops);
    return reason ? `${verdict} ${reason}` : verdict;
  };
  const legs = () => [machine.legs.get(0), machine.legs.get(1)];

  describe.each(versions)('over IPv%i', (version) => {
    const arrived = (packet: Packet, segment: Partial<Segment>): Packet => ({
      ...toB(packet, version),
      tcp: { ...data, seq: plus(first, adds.seqAdd), ack: plus(marked, adds.ackAdd), ...segment },
    });
    const stamped = timestamps(plus(700_000, adds.tsvalAdd), plus(800_000, adds.tsecrAdd));

    it('has every number translated, and is counted', () => {
      promote(version);
      const { verdict, output } = machine.run(hook, frame(packetOf({}, version)));
      expect(verdict).toBe(sent);
      expect(output).toEqual(frame(arrived(packetOf({}, version), { options: stamped })));
      expect(machine.counted(0)).toEqual({ packets: 1n, bytes: 33n });
    });

    it('wraps where 2^32 is', () => {
      promote(version, { flow: { first: 0xffff_fff0, seqAdd: 0x20, ackAdd: 0xffff_ff00 } });
      const segment = { seq: 0xffff_fff8, ack: 0x10 };
      const expected = { seq: 0x18, ack: 0xffff_ff10, options: stamped };
      const { output } = machine.run(hook, frame(packetOf(segment, version)));
      expect(output).toEqual(frame(arrived(packetOf({}, version), expected)));
    });

    it.each([1, 2, 3, 4])('has %i SACK blocks translated', (count) => {
      promote(version, { flow: { flags: 0 } });
      const edges = Array.from({ length: count * 2 }, (_, index) => 0x7fff_fff0 + index * 1000);
      const moved = edges.map((edge) => plus(edge, adds.ackAdd));
      const { output } = machine.run(hook, frame(packetOf({ options: sack(...edges) }, version)));
      expect(output).toEqual(frame(arrived(packetOf({}, version), { options: sack(...moved) })));
    });

    it('has options at odd offsets translated', () => {
      promote(version);
      const [edges, values] = [
        [5, 0xffff_ffff],
        [0x0102_0304, 0x0506_0708],
      ] as const;
      const odd = (edges: readonly number[], values: readonly number[]) =>
        Uint8Array.of(1, ...option(8, ...values), 1, 1, 1, ...option(5, ...edges), 1, 1, 1, 1);
      const before = odd(edges, values).slice(0, 28);
      const after = odd(
        edges.map((edge) => plus(edge, adds.ackAdd)),
        [plus(values[0], adds.tsvalAdd), plus(values[1], adds.tsecrAdd)],
      ).slice(0, 28);
      const { output } = machine.run(hook, frame(packetOf({ options: before }, version)));
      expect(output).toEqual(frame(arrived(packetOf({}, version), { options: after })));
    });

    it('stays wrong by as much as it was', () => {
      promote(version);
      const broken = { ...packetOf({}, version), wrong: 0x4321, wrongIp: 0x1234 };
      const { output } = machine.run(hook, frame(broken));
      expect(output).toEqual(frame(arrived(broken, { options: stamped })));
    });

    it.each([
      [1000, 7, 0, 65535],
      [1000, 3, 3, 1000],
      [1000, 0, 4, 62],
      [7, 0, 3, 1],
      [0, 7, 2, 0],
      [65535, 14, 14, 65535],
      [65535, 14, 0, 65535],
    ])('has window %i with scale %i as one with scale %i: %i', (window, windowLeft, windowRight, expected) => {
      promote(version, { flow: { windowLeft, windowRight } });
      const { output } = machine.run(hook, frame(packetOf({ window }, version)));
      expect(output).toEqual(frame(arrived(packetOf({}, version), { window: expected, options: stamped })));
      expect(machine.legs.get(0)?.window).toBe(window * 2 ** windowLeft);
    });

    it.each([[[0x64]], [[0x64, 0xc8]]])('keeps its VLAN tags: %j', (vlans) => {
      const hop = { ...wayToB, outerVlan: 0x65, innerVlan: vlans.length === 2 ? 0xc9 : 0 };
      promote(version, { other: { hop } });
      const tagged = { ...packetOf({}, version), vlans };
      const { verdict, output } = machine.run(hook, frame(tagged));
      expect(verdict).toBe(sent);
      // At tc the kernel has taken the outer tag out of the frame before.
      const moved = vlans.map((tci) => tci + 1);
      expect(output).toEqual(frame({ ...arrived(tagged, { options: stamped }), vlans: moved }));
    });

    it('that is cut short is never forwarded', () => {
      promote(version);
      for (const packet of [packetOf({}, version), packetOf({ options: sack(1, 2, 3, 4) }, version)]) {
        const whole = frame(packet);
        // BPF_PROG_TEST_RUN makes no skb without an IP header.
        for (let size = hook === 'xdp' ? 14 : 14 + (version === 4 ? 20 : 40); size < whole.byteLength; size++) {
          expect(['drop', 'pass'], `${size} bytes`).toContain(machine.run(hook, whole.slice(0, size)).verdict);
        }
      }
      expect(machine.counted(0).packets).toBe(0n);
    });

    it('in fragments or with IP options is dropped', () => {
      promote(version);
      const ordinary = packetOf({}, version);
      expect(verdictOf({ ...ordinary, extension: 44, fragment: { offset: 0, more: true } })).toBe('drop fragment');
      expect(verdictOf({ ...ordinary, extension: 44, fragment: { offset: 9, more: true } })).toBe('pass');
      expect(verdictOf({ ...ordinary, extension: 60, ipOptions: Uint8Array.of(0x94, 4, 0, 0) })).toBe('drop options');
    });

    it('for this machine goes up', () => {
      promote(version, { flow: { flags: layout.flowFlags.deliver | layout.flowFlags.timestamps } });
      const { verdict, output } = machine.run(hook, frame(packetOf({}, version)));
      expect(verdict).toBe(hook === 'tc' ? 'deliver' : 'pass');
      const expected = { ...arrived(packetOf({}, version), { options: stamped }), ours: macs.relay, theirs: macs.a };
      expect(output).toEqual(frame(expected));
    });

    it('before promotion passes, and its sender is recorded at a port of a circuit', () => {
      const packet = packetOf({ window: 0x1234 }, version);
      expect(machine.run(hook, frame(packet))).toMatchObject({ verdict: 'pass', output: frame(packet) });
      expect([...machine.senders.entries()]).toEqual([]);
      machine.ports.set({ port: ports.relayA, protocol: tcp }, { circuit: circuitId, refilled: 0n, budget: 0 });
      expect(machine.run(hook, frame(packet))).toMatchObject({ verdict: 'pass', output: frame(packet), drops: {} });
      const sender = machine.senders.get(keyOf(version, tcp));
      expect(sender).toMatchObject({
        local: addressBytes(ends[version].relay),
        hop: { ifindex: 1, ours: macs.relay, theirs: macs.a, outerVlan: 0, innerVlan: 0 },
        tsval: 700_000,
        window: 0x1234,
        timestamps: 1,
      });
      expect(machine.run(hook, frame(packetOf({ options: new Uint8Array() }, version))).verdict).toBe('pass');
      expect(machine.senders.get(keyOf(version, tcp))).toMatchObject({ tsval: 0, timestamps: 0 });
    });
  });

  it('is none of the other hook', () => {
    promote();
    expect(verdictOf(packetOf({}), hook === 'tc' ? 'xdp' : 'tc')).toBe('pass');
    expect([...machine.senders.entries()]).toEqual([]);
  });

  it('to another address of ours is dropped', () => {
    promote(4, { flow: { local: addressBytes('203.0.113.99') } });
    expect(verdictOf(packetOf({}))).toBe('drop foreign');
  });

  it('with SYN is dropped', () => {
    promote();
    expect(verdictOf(packetOf({ flags: flag.syn }))).toBe('drop syn');
    expect(verdictOf(packetOf({ flags: flag.syn | flag.ack }))).toBe('drop syn');
  });

  it('is dropped where its time to live ends, or there is no way', () => {
    promote();
    expect(verdictOf({ ...packetOf({}), ttl: 1 })).toBe('drop ttl');
    promote(4, { other: { hop: layout.noHop } });
    expect(verdictOf(packetOf({}))).toBe('drop no_route');
    expect(machine.counted(0).packets).toBe(0n);
  });

  it.each([
    ['no timestamps', new Uint8Array()],
    ['an option longer than the header', Uint8Array.of(1, 1, 8, 11, 0, 0, 0, 0)],
    ['an option of no length', Uint8Array.of(1, 1, 8, 0)],
    ['an option without a length', Uint8Array.of(1, 1, 1, 8)],
    ['timestamps of another length', Uint8Array.of(...option(8, 1), 1, 1)],
    ['timestamps twice', Uint8Array.of(...timestamps(1, 2), ...timestamps(3, 4))],
    ['half a SACK block', Uint8Array.of(...timestamps(1, 2), 1, 1, ...option(5, 1))],
    ['more options than anybody writes', new Uint8Array(40).fill(1)],
  ])('with %s is dropped', (_, options) => {
    promote();
    expect(verdictOf(packetOf({ options }))).toBe('drop timestamp');
  });

  it('without timestamps passes where they were not agreed on, and as an RST', () => {
    promote();
    expect(verdictOf(packetOf({ flags: flag.rst, options: new Uint8Array() }))).toBe(sent);
    promote(4, { flow: { flags: 0 } });
    expect(verdictOf(packetOf({ options: new Uint8Array() }))).toBe(sent);
  });

  it('without ACK has nothing translated that means nothing there', () => {
    promote();
    const rst = packetOf({ flags: flag.rst, ack: 0, window: 0, options: timestamps(9, 0) });
    const { output } = machine.run(hook, frame(rst));
    const segment = { flags: flag.rst, ack: 0, window: 0, options: timestamps(9 + adds.tsvalAdd, 0) };
    expect(output).toEqual(frame({ ...toB(rst, 4), tcp: { ...data, seq: plus(first, adds.seqAdd), ...segment } }));
  });

  it('of the preamble is dropped until both legs have left it behind', () => {
    const old = packetOf({ seq: first - 56 });
    for (const [a, b] of [
      [0, 0],
      [1, 0],
      [0, 1],
    ]) {
      promote(4, { leg: { marked: a ?? 0 }, other: { marked: b ?? 0 } });
      expect(verdictOf(old)).toBe('drop preamble');
    }
    // From then on a number before the first one is one after 2 GiB.
    promote(4, { leg: { marked: 1 }, other: { marked: 1 } });
    expect(verdictOf(old)).toBe(sent);
  });

  it('that acknowledges the ready mark marks its leg', () => {
    promote();
    machine.run(hook, frame(packetOf({ ack: marked - 1 })));
    expect(machine.legs.get(0)?.marked).toBe(0);
    machine.run(hook, frame(packetOf({ ack: marked })));
    expect(machine.legs.get(0)?.marked).toBe(1);
  });

  it('shows where its leg stands', () => {
    promote();
    machine.run(hook, frame(packetOf({ window: 500 })));
    expect(legs()[0]).toMatchObject({
      nextSeq: first + 33,
      lastAck: marked,
      window: 500,
      hop: { ifindex: 1, ours: macs.relay, theirs: macs.a },
      fin: 0,
      reset: 0,
    });
    expect(legs()[0]?.seen).toBeGreaterThan(1n);
    // Sent again, and late: nothing goes back.
    machine.run(hook, frame(packetOf({ ack: marked - 8, window: 9 })));
    expect(legs()[0]).toMatchObject({ nextSeq: first + 33, lastAck: marked, window: 500 });
    expect(legs()[1]).toEqual({ ...layout.freshLeg, ...other });
  });

  it('that nobody has asked for shows nothing', () => {
    promote();
    machine.run(hook, frame(packetOf({ seq: first + 2_000_000, ack: marked + 2_000_000, flags: flag.ack | flag.fin })));
    expect(legs()[0]).toMatchObject({ nextSeq: first, lastAck: marked - 8, window: 20_000, fin: 0, marked: 0 });
  });

  it('of a leg that was not seen before shows where both stand', () => {
    promote(4, { flow: { first: 0xc000_0000 }, leg: layout.freshLeg, other: { ...layout.freshLeg, hop: wayToB } });
    machine.run(hook, frame(packetOf({ seq: 0xc000_0000, ack: 0xd000_0000 })));
    expect(legs()[0]).toMatchObject({ nextSeq: 0xc000_0000 + 33, lastAck: 0xd000_0000, window: 1000 });
  });

  it.each([
    ['what the other leg waits for', 0, 1],
    ['within its window', 10_000, 1],
    ['past its window', 10_001, 0],
    ['before it', -1, 0],
  ])('with RST is believed inside the window only: %s', (_, ahead, reset) => {
    promote(4, { flow: { first: first - 100 } });
    const rst = packetOf({ seq: first + ahead, flags: flag.rst, options: new Uint8Array() });
    expect(verdictOf({ ...rst, payload: new Uint8Array() })).toBe(sent);
    expect(machine.legs.get(0)?.reset).toBe(reset);
  });

  it('behind a FIN shows that the FIN was forged', () => {
    promote();
    machine.run(hook, frame(packetOf({ seq: first + 100, flags: flag.fin | flag.ack })));
    expect(legs()[0]).toMatchObject({ fin: 1, finSeq: first + 134 });
    machine.run(hook, frame(packetOf({ seq: first + 133 })));
    expect(legs()[0]).toMatchObject({ fin: 0, finAcked: 0, nextSeq: first + 166 });
  });

  it('with FIN closes its direction once that is acknowledged, each way', () => {
    promote();
    machine.run(hook, frame(packetOf({ flags: flag.fin | flag.ack })));
    expect(legs()[0]).toMatchObject({ fin: 1, finAcked: 0, finSeq: first + 34, nextSeq: first + 34 });

    // b's answers, by a flow of its own over the same legs.
    const finOfA = plus(first + 34, adds.seqAdd);
    const b = { ...fromA(4), source: '192.0.2.20', sourcePort: 41000 };
    machine.flows.set(
      { ...keyOf(4, tcp), remote: addressBytes(b.source), remotePort: b.sourcePort },
      {
        ...flow,
        local: addressBytes(ends[4].relay),
        nextLocal: addressBytes(ends[4].relay),
        nextRemote: addressBytes('127.0.0.3'),
        nextLocalPort: ports.relayA,
        nextRemotePort: ports.a,
        leg: 1,
        first: plus(marked, adds.ackAdd),
        marked: 0,
        seqAdd: -adds.ackAdd >>> 0,
        ackAdd: -adds.seqAdd >>> 0,
        windowLeft: 0,
        windowRight: 0,
      },
    );
    const answer = (segment: Partial<Segment>) =>
      machine.run(
        hook,
        frame({ ...b, tcp: { ...data, seq: plus(marked, adds.ackAdd), ack: finOfA, flags: flag.ack, ...segment } }),
      );
    answer({ ack: finOfA - 1 });
    expect(legs()[0]?.finAcked).toBe(0);
    answer({ flags: flag.ack | flag.fin });
    expect(legs()[0]?.finAcked).toBe(1);
    expect(legs()[1]).toMatchObject({ fin: 1, finAcked: 0 });
    const last = packetOf({ seq: first + 34, ack: marked + 1, flags: flag.ack });
    machine.run(hook, frame({ ...last, payload: new Uint8Array() }));
    expect(legs()).toMatchObject([{ finAcked: 1 }, { finAcked: 1 }]);
  });
});
