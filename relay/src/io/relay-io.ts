import { Server, type Socket } from 'node:net';
import { asNetportError, type CircuitId, type LegCounters, limits, NetportError } from '@netport/protocol';
import type { Logger } from '@netport/runtime';
import type { CircuitReport, ConnectionId, RelayCommand, RelayEvent } from '../core/events.js';
import type { RelayCore } from '../core/relay-core.js';
import type { DatagramJoin, Datapath, Join } from '../datapath/datapath.js';
import { DatagramLegs } from './datagram-legs.js';
import { listen } from './listener.js';
import { Totals } from './totals.js';

export interface RelayIoOptions {
  core: RelayCore;
  datapath: Datapath;
  /** Every address unless given. */
  listenAddress?: string | undefined;
  /** `counters` are those at the moment of the report. */
  onReport: (report: CircuitReport, counters: LegCounters) => void;
  log: Logger;
  /** Milliseconds that never go back. */
  now?: () => number;
  /** How often it is looked which UDP legs were heard. */
  pollInterval?: number;
}

type CommandOf<Type extends RelayCommand['type']> = Extract<RelayCommand, { type: Type }>;

/** The core's hands: turns what sockets do into events, and carries out the commands. Decides nothing. */
export class RelayIo {
  readonly #options: RelayIoOptions;
  readonly #now: () => number;
  /** Each with what closes it; nothing when it could not be opened. */
  readonly #ports = new Map<number, Promise<(() => void) | undefined>>();
  /** Connections that are not joined: each with what takes its listeners off. */
  readonly #sockets = new Map<ConnectionId, { socket: Socket; detach: () => void }>();
  readonly #datagramLegs = new DatagramLegs((port, from, bytes) =>
    this.dispatch({ type: 'datagram', port, from, bytes }),
  );
  readonly #joins = new Map<CircuitId, Join | DatagramJoin>();
  readonly #totals = new Totals();
  #lastConnection = 0;
  #timer: NodeJS.Timeout | undefined;
  #polling: NodeJS.Timeout | undefined;

  constructor(options: RelayIoOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  dispatch(event: RelayEvent): void {
    const { core } = this.#options;
    for (const command of core.handle(event, this.#now())) this.#execute(command);
    this.#arm();
  }

  /** Takes up what runs from before this process: once, before anything else is dispatched. */
  adopt(): void {
    for (const { join, ...circuit } of this.#options.datapath.adopt()) {
      this.#hold(circuit.circuitId, join);
      this.dispatch({ type: 'adopt', ...circuit });
    }
  }

  /**
   * Listens on the port that takes the legs of all circuits. The kernel is not told of it, so such circuits stay in
   * userspace. Throws `address_*` or `permission_denied`.
   */
  async openLegPort(port: number): Promise<() => void> {
    const { listenAddress: address, log } = this.#options;
    const onFault = (error: Error) => log.warn({ port }, `cannot receive: ${error.message}`);
    const server = await listen({ port, address, onSocket: (socket) => this.#accept(socket, port), onFault });
    return () => server.close();
  }

  /** Datagrams that were not forwarded, by reason. */
  get dropped(): Readonly<Record<'unbound' | 'congested', number>> {
    return this.#datagramLegs.dropped;
  }

  /** Of every joined circuit. */
  counters(): LegCounters[] {
    return [...this.#joins.keys()].map((circuitId) => this.#countersOf(circuitId));
  }

  /** Received from legs since the relay started, by what forwarded it. */
  totals(): Totals['all'] {
    for (const circuit of this.counters()) this.#totals.count(circuit);
    return this.#totals.all;
  }

  #execute(command: RelayCommand): void {
    switch (command.type) {
      case 'listen':
        this.#ports.set(command.port, this.#listen(command));
        return;
      case 'unlisten':
        // It may still be opening: then it is closed as soon as it is open.
        void this.#ports.get(command.port)?.then((close) => close?.());
        this.#ports.delete(command.port);
        return;
      case 'drop': {
        const { connection, rejection } = command;
        const socket = this.#release(connection);
        if (rejection) this.#options.log.debug({ rejection, peer: socket?.remoteAddress }, 'connection refused');
        socket?.destroy();
        return;
      }
      case 'join':
        this.#join(command);
        return;
      case 'answer':
        this.#datagramLegs.answer(command.port, command.to, command.bytes);
        return;
      case 'join_datagrams':
        this.#hold(command.circuitId, this.#datagramLegs.join(this.#options.datapath, command));
        return;
      case 'move': {
        const join = this.#joins.get(command.circuitId);
        if (join && 'move' in join) join.move(command.leg, command.peer);
        return;
      }
      case 'part':
        this.#joins.get(command.circuitId)?.end();
        return;
      case 'tell': {
        const { report } = command;
        const counters = this.#countersOf(report.circuitId);
        if (report.type === 'ended') {
          this.#joins.delete(report.circuitId);
          this.#totals.end(counters);
        }
        this.#options.onReport(report, counters);
      }
    }
  }

  async #listen({ port, circuitId, transport }: CommandOf<'listen'>): Promise<(() => void) | undefined> {
    const { datapath, listenAddress: address, log } = this.#options;
    const onFault = (error: Error) => log.warn({ port, transport }, `cannot receive: ${error.message}`);
    const onSocket = (socket: Socket) => this.#accept(socket, port);
    let listener: Server | { close(): void } | undefined;
    try {
      listener =
        transport === 'tcp'
          ? await listen({ port, address, onSocket, onFault })
          : await this.#datagramLegs.open({ port, address, onFault });
      const opened = listener;
      datapath.open({ circuitId, port, transport, ...(opened instanceof Server && { server: opened }) });
      this.dispatch({ type: 'listening', port });
      return () => {
        datapath.release({ port, transport });
        opened.close();
      };
    } catch (thrown) {
      listener?.close();
      const { code, message } = asNetportError(thrown);
      log.warn({ port, code }, message);
      this.dispatch({ type: 'listen_failed', port, code });
      return undefined;
    }
  }

  #accept(socket: Socket, port: number): void {
    const connection = ++this.#lastConnection;
    const onData = (bytes: Buffer) => this.dispatch({ type: 'received', connection, bytes });
    const onGone = () => {
      this.#release(connection)?.destroy();
      this.dispatch({ type: 'disconnected', connection });
    };
    const detach = () => socket.off('data', onData).off('end', onGone).off('close', onGone).off('error', onGone);
    this.#sockets.set(connection, { socket, detach });
    socket.on('data', onData).on('end', onGone).on('close', onGone).on('error', onGone);
    this.dispatch({ type: 'connected', connection, port });
  }

  /** From here on, events of this socket are none of the core's business. */
  #release(connection: ConnectionId): Socket | undefined {
    const held = this.#sockets.get(connection);
    this.#sockets.delete(connection);
    held?.detach();
    // A socket without an error listener would end the process.
    return held?.socket.on('error', () => {});
  }

  #join({ circuitId, ports, connections }: CommandOf<'join'>): void {
    const [a, b] = connections.map((connection) => this.#release(connection));
    if (!a || !b) throw new NetportError('internal', `circuit ${circuitId}: a leg to join is not there`);
    this.#hold(circuitId, this.#options.datapath.join({ circuitId, ports, sockets: [a, b] }));
  }

  #hold(circuitId: CircuitId, join: Join | DatagramJoin): void {
    this.#joins.set(circuitId, join);
    void join.closed.then((code) => this.dispatch({ type: 'parted', circuitId, code }));
  }

  #countersOf(circuitId: CircuitId): LegCounters {
    const { datapath } = this.#options;
    const join = this.#joins.get(circuitId);
    return {
      circuitId,
      datapath: join?.datapath ?? datapath.kind,
      bytes: join?.counters() ?? [0, 0],
      packets: join?.packets(),
    };
  }

  #poll(): void {
    const circuits = [...this.#joins].flatMap(([circuitId, join]) => {
      const packets = join.packets();
      return packets ? [{ circuitId, packets }] : [];
    });
    this.dispatch({ type: 'forwarded', circuits });
  }

  #arm(): void {
    this.#armPoll();
    clearTimeout(this.#timer);
    const deadline = this.#options.core.nextDeadline();
    if (deadline === undefined) return;
    this.#timer = setTimeout(() => this.dispatch({ type: 'tick' }), Math.max(1, Math.ceil(deadline - this.#now())));
  }

  #armPoll(): void {
    if (this.#joins.size > 0) {
      this.#polling ??= setInterval(() => this.#poll(), this.#options.pollInterval ?? limits.udpLegPoll);
    } else {
      clearInterval(this.#polling);
      this.#polling = undefined;
    }
  }
}
