import { LibbpfError } from './errors.js';
import { Link } from './link.js';
import { type Handle, native, type ProgramDescription } from './native.js';

/** What the addon calls the places where a link attaches. */
const points = { native: 0, generic: 1, ingress: 2, egress: 3 } as const;

/** A driver or kernel that cannot attach in the better way; anything else would fail in the other way too. */
const cannot = ['ENOTSUP', 'ENOTSUPP', 'EINVAL', 'ERANGE'];

export interface TestRun {
  /** What the program returned. */
  verdict: number;
  /** The packet afterwards. */
  output: Uint8Array;
  /** Nanoseconds, the average of the repetitions. */
  duration: number;
}

/** A program that the verifier accepted. */
export class Program {
  /** For links to it. */
  readonly handle: Handle<'program'>;
  readonly id: number;
  readonly name: string;
  /** As bpftool calls it: `xdp`, `sched_cls`, … */
  readonly type: string;
  /** Where it stands in its object file; unknown when it was opened from a pin. */
  readonly section: string | undefined;

  constructor(description: ProgramDescription) {
    this.handle = description.handle;
    this.id = description.id;
    this.name = description.name;
    this.type = description.type;
    this.section = description.section;
  }

  /** Attaches to an interface, by name or index. `auto`: in the driver, or else generic. EBUSY: another one is there. */
  attachXdp(to: string | number, mode: 'auto' | 'native' | 'generic' = 'auto'): Link {
    const ifindex = interfaceIndex(to);
    const attach = (as: 'native' | 'generic') => new Link(native().linkCreate(this.handle, ifindex, points[as]), as);
    if (mode !== 'auto') return attach(mode);
    return firstThatCan(
      () => attach('native'),
      () => attach('generic'),
    );
  }

  /**
   * Attaches to what an interface receives or sends. `auto`: tcx (Linux 6.6), or else a filter on its clsact qdisc,
   * which is made and left there. A clsact filter outlives a killed process: only tcx ends with it.
   */
  attachTc(to: string | number, direction: 'ingress' | 'egress', mode: 'auto' | 'tcx' | 'clsact' = 'auto'): Link {
    const ifindex = interfaceIndex(to);
    const tcx = () => new Link(native().linkCreate(this.handle, ifindex, points[direction]), 'tcx');
    const clsact = () =>
      new Link(native().filterCreate(this.handle, ifindex, direction === 'egress' ? 1 : 0), 'clsact');
    if (mode === 'auto') return firstThatCan(tcx, clsact);
    return mode === 'tcx' ? tcx() : clsact();
  }

  /**
   * Runs it over `input` (a packet from its Ethernet header on) by BPF_PROG_TEST_RUN. `outputSize`: the most bytes that
   * come back (default: 256 more than went in), ENOSPC past that.
   */
  testRun(input: Uint8Array, options: { repeat?: number; outputSize?: number } = {}): TestRun {
    const { repeat = 1, outputSize = input.byteLength + 256 } = options;
    const run = native().testRun(this.handle, input, outputSize, repeat);
    return { verdict: run.verdict, output: run.output.subarray(0, run.outputSize), duration: run.duration };
  }

  /** Keeps the program alive at this path in a bpffs, until the file there is removed. */
  pin(path: string): void {
    native().pin(this.handle, path);
  }

  close(): void {
    native().close(this.handle);
  }
}

function firstThatCan(better: () => Link, other: () => Link): Link {
  try {
    return better();
  } catch (error) {
    if (error instanceof LibbpfError && cannot.includes(error.code)) return other();
    throw error;
  }
}

function interfaceIndex(to: string | number): number {
  return typeof to === 'number' ? to : native().interfaceIndex(to);
}

/** A program that a process pinned in a bpffs. */
export function openPinnedProgram(path: string): Program {
  return new Program(native().openPinned('prog', path));
}
