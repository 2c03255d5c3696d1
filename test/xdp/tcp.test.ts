import { layout } from '@netport/relay';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type IpVersion, macs, toB, wayToB } from './circuit.js';
import { flag, frame, option, type Packet, type Segment, sack, timestamps } from './packet.js';
import { lack, Machine, titled } from './program.js';
import { adds, data, first, hooks, marked, packetOf, plus, promote } from './promotion.js';

describe.skipIf(lack).each(hooks)(titled('a segment at $hook'), ({ hook, sent }) => {
  let machine: Machine;
  beforeAll(() => {
    machine = new Machine({ tcpAtXdp: hook === 'xdp' });
  });
  beforeEach(() => machine.reset());
  afterAll(() => machine.close());

  describe.each([4, 6] as IpVersion[])('over IPv%i', (version) => {
    const arrived = (packet: Packet, segment: Partial<Segment>): Packet => ({
      ...toB(packet, version),
      tcp: { ...data, seq: plus(first, adds.seqAdd), ack: plus(marked, adds.ackAdd), ...segment },
    });
    const stamped = timestamps(plus(700_000, adds.tsvalAdd), plus(800_000, adds.tsecrAdd));

    it('has every number translated, and is counted', () => {
      promote(machine, version);
      const { verdict, output } = machine.run(hook, frame(packetOf({}, version)));
      expect(verdict).toBe(sent);
      expect(output).toEqual(frame(arrived(packetOf({}, version), { options: stamped })));
      expect(machine.counted(0)).toEqual({ packets: 1n, bytes: 33n });
    });

    it('wraps where 2^32 is', () => {
      promote(machine, version, { flow: { first: 0xffff_fff0, seqAdd: 0x20, ackAdd: 0xffff_ff00 } });
      const segment = { seq: 0xffff_fff8, ack: 0x10 };
      const expected = { seq: 0x18, ack: 0xffff_ff10, options: stamped };
      const { output } = machine.run(hook, frame(packetOf(segment, version)));
      expect(output).toEqual(frame(arrived(packetOf({}, version), expected)));
    });

    it.each([1, 2, 3, 4])('has %i SACK blocks translated', (count) => {
      promote(machine, version, { flow: { flags: 0 } });
      const edges = Array.from({ length: count * 2 }, (_, index) => 0x7fff_fff0 + index * 1000);
      const moved = edges.map((edge) => plus(edge, adds.ackAdd));
      const { output } = machine.run(hook, frame(packetOf({ options: sack(...edges) }, version)));
      expect(output).toEqual(frame(arrived(packetOf({}, version), { options: sack(...moved) })));
    });

    it('has options at odd offsets translated', () => {
      promote(machine, version);
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
      promote(machine, version);
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
      promote(machine, version, { flow: { windowLeft, windowRight } });
      const { output } = machine.run(hook, frame(packetOf({ window }, version)));
      expect(output).toEqual(frame(arrived(packetOf({}, version), { window: expected, options: stamped })));
      expect(machine.legs.get(0)?.window).toBe(window * 2 ** windowLeft);
    });

    it.each([[[0x64]], [[0x64, 0xc8]]])('keeps its VLAN tags: %j', (vlans) => {
      const hop = { ...wayToB, outerVlan: 0x65, innerVlan: vlans.length === 2 ? 0xc9 : 0 };
      promote(machine, version, { other: { hop } });
      const tagged = { ...packetOf({}, version), vlans };
      const { verdict, output } = machine.run(hook, frame(tagged));
      expect(verdict).toBe(sent);
      // At tc the kernel has taken the outer tag out of the frame before.
      const moved = vlans.map((tci) => tci + 1);
      expect(output).toEqual(frame({ ...arrived(tagged, { options: stamped }), vlans: moved }));
    });

    it('for this machine goes up', () => {
      promote(machine, version, { flow: { flags: layout.flowFlags.deliver | layout.flowFlags.timestamps } });
      const { verdict, output } = machine.run(hook, frame(packetOf({}, version)));
      expect(verdict).toBe(hook === 'tc' ? 'deliver' : 'pass');
      const expected = { ...arrived(packetOf({}, version), { options: stamped }), ours: macs.relay, theirs: macs.a };
      expect(output).toEqual(frame(expected));
    });
  });

  it('without ACK has nothing translated that means nothing there', () => {
    promote(machine);
    const rst = packetOf({ flags: flag.rst, ack: 0, window: 0, options: timestamps(9, 0) });
    const { output } = machine.run(hook, frame(rst));
    const segment = { flags: flag.rst, ack: 0, window: 0, options: timestamps(9 + adds.tsvalAdd, 0) };
    expect(output).toEqual(frame({ ...toB(rst, 4), tcp: { ...data, seq: plus(first, adds.seqAdd), ...segment } }));
  });
});
