import { addressBytes, layout } from '@netport/relay';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ends, fromA, keyOf, macs, ports, wayToB } from './circuit.js';
import { flag, frame, type Segment } from './packet.js';
import { lack, Machine, titled } from './program.js';
import { adds, data, first, hooks, marked, other, packetOf, plus, promote, promotedFlow } from './promotion.js';

const { tcp } = layout.protocols;

describe.skipIf(lack).each(hooks)(titled('what a segment at $hook shows'), ({ hook, sent }) => {
  let machine: Machine;
  beforeAll(() => {
    machine = new Machine({ tcpAtXdp: hook === 'xdp' });
  });
  beforeEach(() => machine.reset());
  afterAll(() => machine.close());
  const legs = () => [machine.legs.get(0), machine.legs.get(1)];

  it('that acknowledges the ready mark marks its leg', () => {
    promote(machine);
    machine.run(hook, frame(packetOf({ ack: marked - 1 })));
    expect(machine.legs.get(0)?.marked).toBe(0);
    machine.run(hook, frame(packetOf({ ack: marked })));
    expect(machine.legs.get(0)?.marked).toBe(1);
  });

  it('shows where its leg stands', () => {
    promote(machine);
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
    promote(machine);
    machine.run(hook, frame(packetOf({ seq: first + 2_000_000, ack: marked + 2_000_000, flags: flag.ack | flag.fin })));
    expect(legs()[0]).toMatchObject({ nextSeq: first, lastAck: marked - 8, window: 20_000, fin: 0, marked: 0 });
  });

  it('of a leg that was not seen before shows where both stand', () => {
    promote(machine, 4, {
      flow: { first: 0xc000_0000 },
      leg: layout.freshLeg,
      other: { ...layout.freshLeg, hop: wayToB },
    });
    machine.run(hook, frame(packetOf({ seq: 0xc000_0000, ack: 0xd000_0000 })));
    expect(legs()[0]).toMatchObject({ nextSeq: 0xc000_0000 + 33, lastAck: 0xd000_0000, window: 1000 });
  });

  it.each([
    ['what the other leg waits for', 0, 1],
    ['within its window', 10_000, 1],
    ['past its window', 10_001, 0],
    ['before it', -1, 0],
  ])('with RST is believed inside the window only: %s', (_, ahead, reset) => {
    promote(machine, 4, { flow: { first: first - 100 } });
    const rst = packetOf({ seq: first + ahead, flags: flag.rst, options: new Uint8Array() });
    expect(machine.verdict(hook, { ...rst, payload: new Uint8Array() })).toBe(sent);
    expect(machine.legs.get(0)?.reset).toBe(reset);
  });

  it('behind a FIN shows that the FIN was forged', () => {
    promote(machine);
    machine.run(hook, frame(packetOf({ seq: first + 100, flags: flag.fin | flag.ack })));
    expect(legs()[0]).toMatchObject({ fin: 1, finSeq: first + 134 });
    machine.run(hook, frame(packetOf({ seq: first + 133 })));
    expect(legs()[0]).toMatchObject({ fin: 0, finAcked: 0, nextSeq: first + 166 });
  });

  it('with FIN closes its direction once that is acknowledged, each way', () => {
    promote(machine);
    machine.run(hook, frame(packetOf({ flags: flag.fin | flag.ack })));
    expect(legs()[0]).toMatchObject({ fin: 1, finAcked: 0, finSeq: first + 34, nextSeq: first + 34 });

    // b's answers, by a flow of its own over the same legs.
    const finOfA = plus(first + 34, adds.seqAdd);
    const b = { ...fromA(4), source: '192.0.2.20', sourcePort: 41000 };
    machine.flows.set(
      { ...keyOf(4, tcp), remote: addressBytes(b.source), remotePort: b.sourcePort },
      {
        ...promotedFlow,
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
