import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type BpfObject, loadObject, type TypedMap, u32, u64, unavailable } from '@netport/libbpf';
import { layout } from '@netport/relay';
import { root } from '../harness/index.js';
import { frame, type Packet } from './packet.js';

const object = join(root, 'relay/xdp/build/relay.bpf.o');

/** Why the program cannot run here, or undefined. */
export const lack: string | undefined = (() => {
  if (unavailable) return `libbpf: ${unavailable}`;
  if (process.getuid?.() !== 0) return 'BPF_PROG_TEST_RUN needs root';
  if (!existsSync(object)) return 'relay/xdp is not built: it needs clang, make and libbpf-dev';
  return undefined;
})();

/** A suite's name with the reason why it is skipped, if it is. */
export const titled = (name: string): string => (lack ? `${name} (skipped: ${lack})` : name);

/** Index of an interface that is not the loopback interface, or 0. */
export function otherInterface(): number {
  if (lack) return 0;
  const files = readdirSync('/sys/class/net').map((name) => `/sys/class/net/${name}/ifindex`);
  const indexes = files.filter((file) => existsSync(file)).map((file) => Number(readFileSync(file)));
  return indexes.find((index) => index > 1) ?? 0;
}

const verdicts = {
  xdp: { 1: 'drop', 2: 'pass', 3: 'transmit', 4: 'redirect' },
  tc: { 0: 'deliver', 2: 'drop', 7: 'redirect', 4294967295: 'pass' },
} as Record<Hook, Record<number, string>>;

export type Hook = 'xdp' | 'tc';

export interface Result {
  verdict: string | undefined;
  /** Why it was dropped, as the program counts it. */
  drops: Partial<Record<layout.DropReason, number>>;
  output: Uint8Array;
  /** Nanoseconds. */
  duration: number;
}

/** The program, loaded with maps of its own. */
export class Machine {
  readonly flows;
  readonly legs;
  readonly ports;
  readonly senders;
  readonly devices;
  readonly #counters;
  readonly #drops;
  readonly #object: BpfObject;

  constructor({ tcpAtXdp = false } = {}) {
    this.#object = loadObject(object, { maps: { '.rodata': { initial: Uint8Array.of(Number(tcpAtXdp)) } } });
    const map = (name: string) => this.#object.map(name);
    this.flows = map('flows').typed(layout.flowKey, layout.flow);
    this.legs = map('legs').typed(u32, layout.leg);
    this.ports = map('ports').typed(layout.portKey, layout.port);
    this.senders = map('senders').typed(layout.flowKey, layout.sender);
    this.devices = map('devices').typed(u32, u32);
    this.#counters = map('counters').perCpu(u32, layout.counter);
    this.#drops = map('drops').perCpu(u32, u64);
  }

  run(hook: Hook, packet: Uint8Array, repeat = 1): Result {
    const before = this.#dropped();
    const { verdict, output, duration } = this.#object.program(`netport_${hook}`).testRun(packet, { repeat });
    const drops = layout.dropReasons.flatMap((reason, index) => {
      const count = (this.#dropped()[index] ?? 0) - (before[index] ?? 0);
      return count ? [[reason, count] as const] : [];
    });
    return { verdict: verdicts[hook][verdict >>> 0], drops: Object.fromEntries(drops), output, duration };
  }

  /** The verdict, followed by the reason of a drop. */
  verdict(hook: Hook, packet: Packet): string {
    const { verdict, drops } = this.run(hook, frame(packet));
    return [verdict, ...Object.keys(drops)].join(' ');
  }

  /** What came from a leg and was forwarded, over all CPUs. */
  counted(leg: number): layout.Counter {
    const sum = { packets: 0n, bytes: 0n };
    for (const { packets, bytes } of this.#counters.get(leg) ?? []) {
      sum.packets += packets;
      sum.bytes += bytes;
    }
    return sum;
  }

  /** As if it was just loaded: verifying it takes longer than any test. */
  reset(): void {
    for (const map of [this.flows, this.ports, this.senders, this.devices]) empty<unknown>(map);
    for (const leg of [0, 1]) {
      this.legs.set(leg, layout.freshLeg);
      this.#counters.set(leg, new Array(this.#counters.get(leg)?.length).fill({ packets: 0n, bytes: 0n }));
    }
  }

  close(): void {
    this.#object.close();
  }

  #dropped(): number[] {
    return layout.dropReasons.map((_, index) => Number((this.#drops.get(index) ?? []).reduce((a, b) => a + b, 0n)));
  }
}

function empty<K>(map: Pick<TypedMap<K, unknown>, 'entries' | 'delete'>): void {
  for (const [key] of [...map.entries()]) map.delete(key);
}
