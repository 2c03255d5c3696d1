import { addressBytes, layout } from '@netport/relay';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { circuitId, ends, forward, fromA, type IpVersion, keyOf, macs, ports, toB, wayToB } from './circuit.js';
import { frame, type Packet } from './packet.js';
import { lack, Machine, otherInterface, titled } from './program.js';

const { udp } = layout.protocols;
const versions: IpVersion[] = [4, 6];
const payload = Uint8Array.from({ length: 101 }, (_, index) => index * 7);
const zeros = (count: number) => new Uint8Array(count);

/** Index of an interface that is not the one where the packets come in. */
const elsewhere = otherInterface();

function bind(circuit = circuitId): Uint8Array {
  const bytes = new Uint8Array(64);
  bytes.set([0x0b, 0x4e, 0x50, 0x42, 1]);
  bytes.set(circuit, 8);
  return bytes;
}

describe.skipIf(lack)(titled('a datagram'), () => {
  let machine: Machine;
  beforeAll(() => {
    machine = new Machine();
  });
  beforeEach(() => machine.reset());
  afterAll(() => machine.close());

  const openPort = () =>
    machine.ports.set({ port: ports.relayA, protocol: udp }, { circuit: circuitId, refilled: 0n, budget: 0 });
  const verdictOf = (packet: Packet) => machine.verdict('xdp', packet);

  describe.each(versions)('over IPv%i', (version) => {
    const ordinary: Packet = { ...fromA(version), payload };

    it('is rewritten, byte for byte, and counted', () => {
      forward(machine, version, udp);
      const { verdict, output } = machine.run('xdp', frame(ordinary));
      expect(verdict).toBe('transmit');
      expect(output).toEqual(frame(toB(ordinary, version)));
      expect(machine.counted(0)).toEqual({ packets: 1n, bytes: 101n });
      expect(machine.counted(1)).toEqual({ packets: 0n, bytes: 0n });
    });

    it.each([[[0x6064]], [[0x0064, 0x00c8]]])('keeps its VLAN tags: %j', (vlans) => {
      const [outerVlan = 0, innerVlan = 0] = vlans.map((tci) => tci + 1);
      forward(machine, version, udp, { other: { hop: { ...wayToB, outerVlan, innerVlan } } });
      const { verdict, output } = machine.run('xdp', frame({ ...ordinary, vlans }));
      expect(verdict).toBe('transmit');
      expect(output).toEqual(frame(toB({ ...ordinary, vlans: vlans.map((tci) => tci + 1) }, version)));
      expect(machine.legs.get(0)?.hop).toEqual({
        ifindex: 1,
        ours: macs.relay,
        theirs: macs.a,
        outerVlan: vlans[0],
        innerVlan: vlans[1] ?? 0,
      });
    });

    it.each([[[]], [[100]], [[100, 200]]])('goes to no other number of tags than it had: %j', (vlans) => {
      const hop = { ...wayToB, outerVlan: vlans.length === 1 ? 0 : 1, innerVlan: vlans.length === 0 ? 1 : 0 };
      forward(machine, version, udp, { other: { hop } });
      const { verdict, output } = machine.run('xdp', frame({ ...ordinary, vlans }));
      expect(verdict).toBe('pass');
      expect(output).toEqual(frame({ ...ordinary, vlans }));
    });

    it.skipIf(!elsewhere)(
      `goes to another interface only where the relay said so${elsewhere ? '' : ' (skipped: there is none)'}`,
      () => {
        forward(machine, version, udp, { other: { hop: { ...wayToB, ifindex: elsewhere } } });
        expect(machine.run('xdp', frame(ordinary))).toMatchObject({ verdict: 'pass', output: frame(ordinary) });
        machine.devices.set(elsewhere, elsewhere);
        const { verdict, output } = machine.run('xdp', frame(ordinary));
        expect(verdict).toBe('redirect');
        expect(output).toEqual(frame(toB(ordinary, version)));
      },
    );

    it('for this machine goes up', () => {
      forward(machine, version, udp, { flow: { flags: layout.flowFlags.deliver } });
      const { verdict, output } = machine.run('xdp', frame(ordinary));
      expect(verdict).toBe('pass');
      expect(output).toEqual(frame({ ...toB(ordinary, version), ours: macs.relay, theirs: macs.a }));
      expect(machine.counted(0).packets).toBe(1n);
    });

    it('is left to the relay where no way is known', () => {
      forward(machine, version, udp, { other: { hop: layout.noHop } });
      const { verdict, output } = machine.run('xdp', frame(ordinary));
      expect(verdict).toBe('pass');
      expect(output).toEqual(frame(ordinary));
      expect(machine.legs.get(0)?.hop.theirs).toEqual(macs.a);
      expect(machine.counted(0).packets).toBe(0n);
    });

    it('stays wrong by as much as it was', () => {
      forward(machine, version, udp);
      for (const wrong of [1, 0x1234, 0xfffe]) {
        const broken = { ...ordinary, wrong, wrongIp: wrong };
        expect(machine.run('xdp', frame(broken)).output).toEqual(frame(toB(broken, version)));
      }
    });

    it('never has a checksum of zero by computation', () => {
      forward(machine, version, udp);
      const odd = new Uint8Array(machine.run('xdp', frame({ ...ordinary, payload: zeros(2) })).output);
      const check = new DataView(odd.buffer, odd.byteLength - 4).getUint16(0);
      const filler = { ...ordinary, payload: Uint8Array.of(check >> 8, check) };
      const { output } = machine.run('xdp', frame(filler));
      expect(output.subarray(-4, -2)).toEqual(Uint8Array.of(0xff, 0xff));
      expect(output).toEqual(frame(toB(filler, version)));
    });

    it.each([[1], [2], [255]])('with a time to live of %i', (ttl) => {
      forward(machine, version, udp);
      expect(verdictOf({ ...ordinary, ttl })).toBe(ttl > 1 ? 'transmit' : 'drop ttl');
    });

    it('to another address of ours is dropped', () => {
      forward(machine, version, udp, { flow: { local: addressBytes('203.0.113.99') } });
      expect(verdictOf(ordinary)).toBe('drop foreign');
    });

    it('of nobody we know is dropped at a port of a circuit, and no business of ours elsewhere', () => {
      expect(verdictOf(ordinary)).toBe('pass');
      openPort();
      expect(verdictOf(ordinary)).toBe('drop unbound');
      expect([...machine.senders.entries()]).toEqual([]);
    });

    it('that is cut short is never forwarded', () => {
      forward(machine, version, udp);
      for (const packet of [ordinary, { ...ordinary, vlans: [1] }, { ...ordinary, payload: zeros(0) }]) {
        const whole = frame(packet);
        for (let size = 14; size < whole.byteLength; size++) {
          const cut = whole.slice(0, size);
          const { verdict, output } = machine.run('xdp', cut);
          expect(['drop', 'pass'], `${size} bytes`).toContain(verdict);
          if (verdict === 'pass') expect(output).toEqual(cut);
        }
      }
      expect(machine.counted(0).packets).toBe(0n);
    });

    it('with padding behind it keeps that', () => {
      forward(machine, version, udp);
      const small = { ...ordinary, payload: Uint8Array.of(1) };
      const padding = zeros(18);
      const { output } = machine.run('xdp', new Uint8Array(Buffer.concat([frame(small), padding])));
      expect(output).toEqual(new Uint8Array(Buffer.concat([frame(toB(small, version)), padding])));
      expect(machine.counted(0).bytes).toBe(1n);
    });

    it('whose lengths disagree is dropped', () => {
      forward(machine, version, udp);
      expect(verdictOf({ ...ordinary, missing: 1 })).toBe('drop truncated');
      const shorter = frame(ordinary);
      const lengthAt = shorter.byteLength - payload.byteLength - 4;
      shorter.set([0, 7], lengthAt);
      expect(machine.run('xdp', shorter).drops).toEqual({ truncated: 1 });
      shorter.set([0, 8], lengthAt);
      expect(machine.run('xdp', shorter).drops).toEqual({ truncated: 1 });
    });

    it('in fragments: the first is dropped, the others pass, as nobody knows whose they are', () => {
      const first = { ...ordinary, extension: 44, fragment: { offset: 0, more: true } };
      const later = { ...ordinary, extension: 44, fragment: { offset: 3, more: true } };
      expect(verdictOf(first)).toBe('pass');
      openPort();
      expect(verdictOf(first)).toBe('drop fragment');
      forward(machine, version, udp);
      expect(verdictOf(first)).toBe('drop fragment');
      expect(verdictOf(later)).toBe('pass');
      expect(verdictOf({ ...later, fragment: { offset: 3, more: false } })).toBe('pass');
    });

    it('with options is left to the relay', () => {
      forward(machine, version, udp);
      const unusual = { ...ordinary, ipOptions: Uint8Array.of(0x94, 4, 0, 0), extension: 60 };
      const { verdict, output } = machine.run('xdp', frame(unusual));
      expect(verdict).toBe('pass');
      expect(output).toEqual(frame(unusual));
    });

    it('without a checksum', () => {
      forward(machine, version, udp);
      const without: Packet = { ...ordinary, wrong: 'none' };
      const { verdict, drops, output } = machine.run('xdp', frame(without));
      expect([verdict, drops]).toEqual(version === 4 ? ['transmit', {}] : ['drop', { checksum: 1 }]);
      if (version === 4) expect(output).toEqual(frame(toB(without, version)));
    });

    it('that is a bind reaches the relay, from whomever, and its sender is recorded', () => {
      openPort();
      const binding = { ...ordinary, payload: bind() };
      expect(verdictOf(binding)).toBe('pass');
      forward(machine, version, udp);
      const { verdict, output } = machine.run('xdp', frame(binding));
      expect(verdict).toBe('pass');
      expect(output).toEqual(frame(binding));
      const sender = machine.senders.get(keyOf(version, udp));
      expect(sender?.local).toEqual(addressBytes(ends[version].relay));
      expect(sender?.hop).toEqual({ ifindex: 1, ours: macs.relay, theirs: macs.a, outerVlan: 0, innerVlan: 0 });
      expect(sender?.seen).toBeGreaterThan(0n);
      expect(machine.counted(0).packets).toBe(0n);
    });
  });

  const binding: Packet = { ...fromA(4), payload: bind() };

  it('that is a bind for another circuit is dropped', () => {
    openPort();
    expect(verdictOf({ ...binding, payload: bind(circuitId.map((byte) => byte ^ 1)) })).toBe('drop bind_flood');
    expect([...machine.senders.entries()]).toEqual([]);
  });

  it('that is a bind at a port of nobody is no business of ours; at a port that binds no more it is dropped', () => {
    expect(verdictOf(binding)).toBe('pass');
    forward(machine, 4, udp);
    expect(verdictOf(binding)).toBe('drop bind_flood');
  });

  it.each([
    ['longer', new Uint8Array([...bind(), 0])],
    ['shorter', bind().slice(0, 63)],
    ['of another version', bind().map((byte, index) => (index === 4 ? 2 : byte))],
    ['with another first byte', bind().map((byte, index) => (index === 0 ? 0x4b : byte))],
  ])('like a bind but %s is an ordinary one', (_, payload) => {
    openPort();
    expect(verdictOf({ ...binding, payload })).toBe('drop unbound');
    forward(machine, 4, udp);
    expect(verdictOf({ ...binding, payload })).toBe('transmit');
  });

  it('that is one bind too many is dropped, until the budget has grown again', () => {
    openPort();
    const { drops } = machine.run('xdp', frame(binding), 1000);
    // What a slow machine takes earns a few more.
    const passed = 1000 - (drops.bind_flood ?? 0);
    expect(passed).toBeGreaterThanOrEqual(layout.bindBurst);
    expect(passed).toBeLessThan(2 * layout.bindBurst);
    const key = { port: ports.relayA, protocol: udp };
    const port = machine.ports.get(key);
    if (!port) throw new Error('the port is gone');
    machine.ports.set(key, { ...port, refilled: port.refilled - 1_000_000_000n, budget: 0 });
    expect(verdictOf(binding)).toBe('pass');
  });

  it.each([
    ['ARP', 0x0806],
    ['nothing known', 0x1234],
  ])('is not what %s is: that passes', (_, type) => {
    const bytes = frame(fromA(4));
    bytes.set([type >> 8, type & 0xff], 12);
    expect(machine.run('xdp', bytes).verdict).toBe('pass');
  });
});
