import { networkInterfaces } from 'node:os';
import { circuitIdBytes, limits } from '@netport/protocol';
import type { Logger } from '@netport/runtime';
import type {
  AdoptedCircuit,
  DatagramJoin,
  Datapath,
  DatapathState,
  Join,
  OpenPort,
  TcpLegs,
  UdpLegs,
} from '../datapath.js';
import { userspaceDatapath } from '../userspace.js';
import { addressBytes } from './address.js';
import type { Hook } from './attachments.js';
import { CircuitTable, type Slot } from './circuit-table.js';
import { joinInKernel } from './kernel-datagrams.js';
import { type PortKey, protocols } from './layout.js';
import type { NoPins, Pins } from './pins.js';
import { KernelProgram } from './program.js';
import { PromotedJoin } from './promoted.js';
import { type DeclineReason, declineReasons } from './promotion.js';
import { openRawSender, type RawSender, setMaxSegment } from './sockets.js';
import { takeOver } from './takeover.js';

export interface KernelDatapathOptions {
  /** The compiled relay.bpf.c. */
  object: string;
  interfaces: readonly string[];
  /** Where TCP circuits are forwarded; undefined: in this process. */
  tcpHook: Hook | undefined;
  /** XDP is attached now, not with the first UDP circuit. */
  xdpAtOnce: boolean;
  /** Circuits that there is room for in the kernel. */
  circuits: number;
  pins: Pins | NoPins;
  log: Logger;
}

/** UDP circuits at XDP, TCP circuits at the tc hook once their legs are bound; what the kernel cannot have, in userspace. */
export class KernelDatapath implements Datapath {
  readonly kind = 'xdp';
  readonly #options: KernelDatapathOptions;
  readonly #userspace = userspaceDatapath();
  readonly #program: KernelProgram;
  readonly #table: CircuitTable;
  readonly #raw: RawSender | undefined;
  readonly #promoted = new Set<PromotedJoin>();
  readonly #declined = Object.fromEntries(declineReasons.map((reason) => [reason, 0])) as Record<DeclineReason, number>;
  readonly #lacks: string[] = [];
  readonly #timers: NodeJS.Timeout[];
  #xdpFailed = false;

  /** Throws a LibbpfError, or what the kernel says of the raw socket, with nothing left attached. */
  constructor(options: KernelDatapathOptions) {
    const { object, interfaces, circuits, pins, log, xdpAtOnce } = options;
    this.#options = options;
    this.#raw = options.tcpHook && this.#openRaw();
    const tcpHook = this.#raw && options.tcpHook;
    const kept = 'reason' in pins ? undefined : pins;
    if ('reason' in pins) this.#lack(`circuits end with this process: ${pins.reason}`);
    try {
      this.#program = new KernelProgram({ object, interfaces, tcpHook, circuits, pins: kept, log });
      if (xdpAtOnce) this.#program.attachXdp();
    } catch (error) {
      this.#raw?.close();
      throw error;
    }
    this.#table = new CircuitTable(this.#program.maps, circuits);
    this.#timers = [
      setInterval(() => this.#lookAt(({ ready }) => !ready), limits.readyMarkInterval),
      setInterval(() => this.#lookAt(() => true), limits.promotedLookInterval),
      setInterval(() => this.#program.attachments.check(), limits.attachmentCheckInterval),
    ];
    for (const timer of this.#timers) timer.unref();
  }

  open({ circuitId, port, transport, server }: OpenPort): void {
    if (transport === 'udp') this.#attachXdp();
    else if (server && this.#raw) setMaxSegment(server, limits.promotedSegmentBytes);
    this.#program.maps.ports.set(portKeyOf(port, transport), {
      circuit: circuitIdBytes(circuitId),
      refilled: 0n,
      budget: 0,
    });
  }

  release({ port, transport }: Pick<OpenPort, 'port' | 'transport'>): void {
    this.#program.maps.ports.delete(portKeyOf(port, transport));
  }

  join(legs: TcpLegs): Join {
    return this.#promote(legs) ?? this.#userspace.join(legs);
  }

  joinDatagrams(legs: UdpLegs): DatagramJoin {
    if (!this.#program.attachments.has('xdp')) return this.#userspace.joinDatagrams(legs);
    const { senders } = this.#program.maps;
    return joinInKernel(legs, {
      table: this.#table,
      sender: (key) => senders.get(key),
      isLocal: (address) => isLocal(addressBytes(address)),
      onDecline: (reason) => {
        this.#declined[reason]++;
        // Else the program would drop what the process has to forward now.
        for (const port of legs.ports) this.release({ port, transport: 'udp' });
      },
      now: Date.now,
    });
  }

  /** TCP circuits go on; UDP circuits, whose tokens died with the process before, cannot. */
  adopt(): AdoptedCircuit[] {
    const { maps } = this.#program;
    for (const [key] of [...maps.ports.entries()]) maps.ports.delete(key);
    const adopted: AdoptedCircuit[] = [];
    for (const { slot, circuit, keys } of this.#table.stored()) {
      const flows = [maps.flows.get(keys[0]), maps.flows.get(keys[1])] as const;
      const [a, b] = flows;
      if (!a || !b || !this.#raw || keys[0].protocol !== protocols.tcp) {
        this.#table.remove(slot);
        continue;
      }
      const join = this.#watch({ slot, datapath: circuit.datapath, flows: [a, b] }, this.#raw);
      const ports = [keys[0].localPort, keys[1].localPort] as const;
      adopted.push({ circuitId: circuit.circuitId, transport: 'tcp', ports, join });
    }
    this.#table.removeStrays();
    return adopted;
  }

  describe(): DatapathState {
    const { attachments, interfaces } = this.#program;
    const lost = attachments.lost > 0 ? ['a program was taken off its interface'] : [];
    const lacks = [...this.#lacks, ...lost];
    return {
      reason: lacks.length > 0 ? lacks.join('; ') : undefined,
      interfaces: [...interfaces],
      drops: this.#program.drops(),
      declined: { ...this.#declined },
    };
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    this.#program.close();
    this.#raw?.close();
  }

  #openRaw(): RawSender | undefined {
    try {
      return openRawSender();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
      this.#lack('TCP stays in userspace: promotion needs CAP_NET_RAW');
      return undefined;
    }
  }

  #lack(reason: string): void {
    this.#lacks.push(reason);
    this.#options.log.warn(reason);
  }

  #attachXdp(): void {
    if (this.#xdpFailed) return;
    try {
      this.#program.attachXdp();
    } catch (error) {
      this.#xdpFailed = true;
      this.#lack(`UDP stays in userspace: ${(error as Error).message}`);
    }
  }

  #promote({ circuitId, sockets }: TcpLegs): Join | undefined {
    const { tcpHook, log } = this.#options;
    const raw = this.#raw;
    if (!tcpHook || !raw) return undefined;
    const datapath = tcpHook;
    const { senders } = this.#program.maps;
    const taken = takeOver<Slot>(sockets, {
      sender: (key) => senders.get(key),
      isLocal,
      install: ({ legs }) => this.#table.add({ circuitId, datapath, since: Date.now() }, legs),
      remove: (slot) => this.#table.remove(slot),
      raw,
    });
    if ('decline' in taken) {
      this.#declined[taken.decline]++;
      const { decline, error } = taken;
      log.info(
        { circuitId, reason: decline, ...(error instanceof Error && { error: error.message }) },
        'circuit stays in userspace',
      );
      return undefined;
    }
    const [a, b] = taken.legs;
    return this.#watch({ slot: taken.installed, datapath, flows: [a.flow, b.flow], marks: [a.mark, b.mark] }, raw);
  }

  #watch(
    circuit: Omit<ConstructorParameters<typeof PromotedJoin>[0], 'table' | 'raw' | 'now'>,
    raw: RawSender,
  ): PromotedJoin {
    const join = new PromotedJoin({ ...circuit, table: this.#table, raw, now: process.hrtime.bigint });
    this.#promoted.add(join);
    void join.closed.then(() => this.#promoted.delete(join));
    return join;
  }

  #lookAt(which: (join: PromotedJoin) => boolean): void {
    for (const join of this.#promoted) if (which(join)) join.look();
  }
}

const portKeyOf = (port: number, transport: 'tcp' | 'udp'): PortKey => ({ port, protocol: protocols[transport] });

const isLocal = (address: Uint8Array): boolean =>
  Object.values(networkInterfaces()).some((infos) =>
    infos?.some((info) => Buffer.compare(addressBytes(info.address), address) === 0),
  );
