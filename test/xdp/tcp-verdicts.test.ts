import { addressBytes, layout } from '@netport/relay';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { circuitId, ends, type IpVersion, keyOf, macs, ports } from './circuit.js';
import { flag, frame, option, sack, timestamps } from './packet.js';
import { lack, Machine, titled } from './program.js';
import { first, hooks, packetOf, promote } from './promotion.js';

const { tcp } = layout.protocols;

describe.skipIf(lack).each(hooks)(
  titled('a segment at $hook that is none of the circuit, or not in order'),
  ({ hook, sent }) => {
    let machine: Machine;
    beforeAll(() => {
      machine = new Machine({ tcpAtXdp: hook === 'xdp' });
    });
    beforeEach(() => machine.reset());
    afterAll(() => machine.close());

    describe.each([4, 6] as IpVersion[])('over IPv%i', (version) => {
      it('that is cut short is never forwarded', () => {
        promote(machine, version);
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
        promote(machine, version);
        const ordinary = packetOf({}, version);
        expect(machine.verdict(hook, { ...ordinary, extension: 44, fragment: { offset: 0, more: true } })).toBe(
          'drop fragment',
        );
        expect(machine.verdict(hook, { ...ordinary, extension: 44, fragment: { offset: 9, more: true } })).toBe('pass');
        expect(machine.verdict(hook, { ...ordinary, extension: 60, ipOptions: Uint8Array.of(0x94, 4, 0, 0) })).toBe(
          'drop options',
        );
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
      promote(machine);
      expect(machine.verdict(hook === 'tc' ? 'xdp' : 'tc', packetOf({}))).toBe('pass');
      expect([...machine.senders.entries()]).toEqual([]);
    });

    it('to another address of ours is dropped', () => {
      promote(machine, 4, { flow: { local: addressBytes('203.0.113.99') } });
      expect(machine.verdict(hook, packetOf({}))).toBe('drop foreign');
    });

    it('with SYN is dropped', () => {
      promote(machine);
      expect(machine.verdict(hook, packetOf({ flags: flag.syn }))).toBe('drop syn');
      expect(machine.verdict(hook, packetOf({ flags: flag.syn | flag.ack }))).toBe('drop syn');
    });

    it('is dropped where its time to live ends, or there is no way', () => {
      promote(machine);
      expect(machine.verdict(hook, { ...packetOf({}), ttl: 1 })).toBe('drop ttl');
      promote(machine, 4, { other: { hop: layout.noHop } });
      expect(machine.verdict(hook, packetOf({}))).toBe('drop no_route');
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
      promote(machine);
      expect(machine.verdict(hook, packetOf({ options }))).toBe('drop timestamp');
    });

    it('without timestamps passes where they were not agreed on, and as an RST', () => {
      promote(machine);
      expect(machine.verdict(hook, packetOf({ flags: flag.rst, options: new Uint8Array() }))).toBe(sent);
      promote(machine, 4, { flow: { flags: 0 } });
      expect(machine.verdict(hook, packetOf({ options: new Uint8Array() }))).toBe(sent);
    });

    it('of the preamble is dropped until both legs have left it behind', () => {
      const old = packetOf({ seq: first - 56 });
      for (const [a, b] of [
        [0, 0],
        [1, 0],
        [0, 1],
      ]) {
        promote(machine, 4, { leg: { marked: a ?? 0 }, other: { marked: b ?? 0 } });
        expect(machine.verdict(hook, old)).toBe('drop preamble');
      }
      // From then on a number before the first one is one after 2 GiB.
      promote(machine, 4, { leg: { marked: 1 }, other: { marked: 1 } });
      expect(machine.verdict(hook, old)).toBe(sent);
    });
  },
);
