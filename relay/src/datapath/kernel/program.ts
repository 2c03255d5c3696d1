import { type BpfObject, LibbpfError, loadObject, type MapOptions, type TypedMap, u32, u64 } from '@netport/libbpf';
import type { Logger } from '@netport/runtime';
import { Attachments, type Hook } from './attachments.js';
import {
  type Circuit,
  type Counter,
  circuit,
  counter,
  dropReasons,
  type Flow,
  type FlowKey,
  flow,
  flowKey,
  type Leg,
  leg,
  type Port,
  type PortKey,
  port,
  portKey,
  type Sender,
  sender,
} from './layout.js';
import type { Pins } from './pins.js';

/** The maps of relay.bpf.c, as xdp/shared.h describes them. */
export interface Maps {
  readonly flows: TypedMap<FlowKey, Flow>;
  readonly legs: TypedMap<number, Leg>;
  readonly ports: TypedMap<PortKey, Port>;
  readonly senders: TypedMap<FlowKey, Sender>;
  readonly counters: TypedMap<number, Counter[]>;
  readonly drops: TypedMap<number, bigint[]>;
  readonly circuits: TypedMap<number, Circuit>;
  readonly devices: TypedMap<number, number>;
}

/** Those that a circuit outlives the process in. Not `devices`, which libbpf does not recognise: it is filled on attaching. */
const pinned = ['flows', 'legs', 'ports', 'senders', 'counters', 'drops', 'circuits'] as const;

export interface KernelProgramOptions {
  /** The compiled relay.bpf.c. */
  object: string;
  interfaces: readonly string[];
  /** Where TCP circuits are forwarded. */
  tcpHook: Hook | undefined;
  /** How many circuits there is room for. */
  circuits: number;
  pins: Pins | undefined;
  log: Logger;
}

/** The program of relay/xdp in the kernel: loaded, attached, and its maps. */
export class KernelProgram {
  readonly maps: Maps;
  readonly attachments: Attachments;
  readonly interfaces: readonly string[];
  readonly #object: BpfObject;
  readonly #pins: Pins | undefined;

  /**
   * Loads it, and attaches it where a process before this one had it or TCP needs it: XDP costs some drivers their
   * offloads, so it waits for the first UDP circuit. Throws a LibbpfError.
   */
  constructor({ object, interfaces, tcpHook, circuits, pins, log }: KernelProgramOptions) {
    this.interfaces = interfaces;
    this.#pins = pins;
    this.#object = load({ object, circuits, tcpHook, pins, log });
    this.maps = mapsOf(this.#object);
    this.attachments = new Attachments({
      programs: { xdp: this.#object.program('netport_xdp'), tc: this.#object.program('netport_tc') },
      pins,
      onDevice: (ifindex) => this.maps.devices.set(ifindex, ifindex),
      log,
    });
    try {
      if (tcpHook) this.attachments.attach(tcpHook, interfaces);
      this.attachments.removeStrays();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Throws a LibbpfError. */
  attachXdp(): void {
    if (!this.attachments.has('xdp')) this.attachments.attach('xdp', this.interfaces);
  }

  drops(): Record<string, number> {
    return Object.fromEntries(
      dropReasons.map((reason, index) => [
        reason,
        Number((this.maps.drops.get(index) ?? []).reduce((a, b) => a + b, 0n)),
      ]),
    );
  }

  close(): void {
    this.attachments.close();
    this.#object.close();
    this.#pins?.removeAll();
  }
}

type LoadOptions = Omit<KernelProgramOptions, 'interfaces'>;

/**
 * Maps that are pinned are used again, with what is in them. Those of a program with other sizes cannot be: then everything
 * that was pinned goes, and with it the circuits of the process before.
 */
function load(options: LoadOptions): BpfObject {
  const { object, pins, log } = options;
  const attempt = () => loadObject(object, { maps: mapOptions(options) });
  if (!pins?.has(pinned[0])) return attempt();
  try {
    return attempt();
  } catch (error) {
    if (!(error instanceof LibbpfError) || error.code !== 'EINVAL') throw error;
    log.warn(`circuits of the process before end: ${error.message}`);
    pins.removeAll();
    pins.make();
    return attempt();
  }
}

function mapOptions({ circuits, tcpHook, pins }: LoadOptions): Record<string, MapOptions> {
  const options: Record<string, MapOptions> = { '.rodata': { initial: Uint8Array.of(tcpHook === 'xdp' ? 1 : 0) } };
  const legs = circuits * 2;
  const sizes: Partial<Record<(typeof pinned)[number], number>> = { flows: legs, legs, counters: legs, circuits };
  for (const name of pinned) {
    const maxEntries = sizes[name];
    options[name] = { ...(maxEntries && { maxEntries }), ...(pins && { pinned: pins.path(name) }) };
  }
  return options;
}

const mapsOf = (object: BpfObject): Maps => ({
  flows: object.map('flows').typed(flowKey, flow),
  legs: object.map('legs').typed(u32, leg),
  ports: object.map('ports').typed(portKey, port),
  senders: object.map('senders').typed(flowKey, sender),
  counters: object.map('counters').perCpu(u32, counter),
  drops: object.map('drops').perCpu(u32, u64),
  circuits: object.map('circuits').typed(u32, circuit),
  devices: object.map('devices').typed(u32, u32),
});
