import { layout } from '@netport/relay';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { forward, fromA, type IpVersion, toB, wayToB } from './circuit.js';
import { flag, frame, option, type Packet } from './packet.js';
import { lack, Machine, titled } from './program.js';

const u32 = fc.bigInt({ min: 0n, max: 0xffff_ffffn }).map(Number);
const u16 = fc.integer({ min: 0, max: 0xffff });
const plus = (number: number, add: number) => (number + add) >>> 0;

/** How the options lie: which ones, in which order, and how many NOPs in front of each. */
const optionsShape = fc.record({
  tsval: u32,
  tsecr: u32,
  edges: fc
    .oneof(fc.constant([]), fc.array(u32, { minLength: 2, maxLength: 6 }))
    .map((all) => all.slice(all.length % 2)),
  sackFirst: fc.boolean(),
  nops: fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 0, max: 2 })),
});
type OptionsShape = typeof optionsShape extends fc.Arbitrary<infer T> ? T : never;

function options({ tsval, tsecr, edges, sackFirst, nops: [before, between] }: OptionsShape): Uint8Array {
  const stamps = option(8, tsval, tsecr);
  const blocks = edges.length ? option(5, ...edges) : new Uint8Array();
  const [one, two] = sackFirst ? [blocks, stamps] : [stamps, blocks];
  const all = [...new Array<number>(before).fill(1), ...one, ...new Array<number>(between).fill(1), ...two];
  while (all.length % 4) all.push(1);
  return Uint8Array.from(all);
}

const numbers = fc.record({
  seq: u32,
  ack: u32,
  window: u16,
  flags: fc.constantFrom(flag.ack, flag.ack | flag.psh, flag.ack | flag.fin, flag.rst, flag.rst | flag.ack),
  shape: optionsShape,
  payload: fc.uint8Array({ maxLength: 40 }),
  wrong: u16,
});
const changes = fc.record({
  seqAdd: u32,
  ackAdd: u32,
  tsvalAdd: u32,
  tsecrAdd: u32,
  windowLeft: fc.integer({ min: 0, max: 14 }),
  windowRight: fc.integer({ min: 0, max: 14 }),
});

/** As xdp/shared.h says. */
function scaled(window: number, left: number, right: number): number {
  const size = Math.floor((window * 2 ** left) / 2 ** right);
  return window > 0 && size === 0 ? 1 : Math.min(size, 65535);
}

describe.skipIf(lack).each(['tc', 'xdp'] as const)(titled('any segment at %s'), (hook) => {
  let machine: Machine;
  beforeAll(() => {
    machine = new Machine({ tcpAtXdp: hook === 'xdp' });
  });
  beforeEach(() => machine.reset());
  afterAll(() => machine.close());

  it.each([4, 6] as IpVersion[])('over IPv%i comes out as the formulas say, its checksum right', (version) => {
    fc.assert(
      fc.property(numbers, changes, ({ seq, ack, window, flags, shape, payload, wrong }, change) => {
        const { seqAdd, ackAdd, tsvalAdd, tsecrAdd, windowLeft, windowRight } = change;
        forward(machine, version, layout.protocols.tcp, {
          flow: { ...change, first: seq },
          leg: { marked: 1 },
          other: { hop: wayToB },
        });
        const packet: Packet = {
          ...fromA(version),
          payload,
          wrong,
          tcp: { seq, ack, window, flags, options: options(shape) },
        };
        const acks = (flags & flag.ack) !== 0;
        const expected: Packet = {
          ...toB(packet, version),
          tcp: {
            seq: plus(seq, seqAdd),
            ack: acks ? plus(ack, ackAdd) : ack,
            window: scaled(window, windowLeft, windowRight),
            flags,
            options: options({
              ...shape,
              tsval: plus(shape.tsval, tsvalAdd),
              tsecr: acks ? plus(shape.tsecr, tsecrAdd) : shape.tsecr,
              edges: shape.edges.map((edge) => plus(edge, ackAdd)),
            }),
          },
        };
        expect(machine.run(hook, frame(packet)).output).toEqual(frame(expected));
      }),
      { numRuns: 500 },
    );
  });
});
