import { join } from 'node:path';
import type { CircuitId } from '@netport/protocol';
import { admitPortals } from './bare-circuits.js';
import type { Overlay } from './overlay.js';
import { type LogLine, type RunningProcess, root, startProcess } from './process.js';
import type { RelayNetworks } from './relay-networks.js';

const script = join(root, 'test/dist/harness/udp-portal.js');

/** How one side of a transfer saw it: its fields are those of `Transfer` in udp-transfer.ts. */
export interface TransferEnd {
  bytes: number;
  sha256: string;
  datagrams: number;
  again: number;
}

/** One transfer over a UDP circuit of its own. */
export interface DatagramTransfer {
  circuitId: CircuitId;
  /** Resolves when about so many bytes have arrived. */
  progress(bytes: number): Promise<unknown>;
  /** The sender goes on from another port. Resolves when the relay has confirmed it. */
  roam(): Promise<unknown>;
  /** Ends the slowness that it was asked for. */
  hurry(): void;
  /** Ends the sender. */
  abandon(): Promise<unknown>;
  /** The sending and the receiving end. Rejects when the sender ends without having sent everything. */
  done: Promise<[TransferEnd, TransferEnd]>;
}

/** Two portals, `near` and `far`, one in each network, that carry bytes over UDP circuits. */
export class DatagramPortals {
  private constructor(
    private readonly overlay: Overlay,
    private readonly networks: RelayNetworks,
    private readonly receiver: RunningProcess,
    private token: string | undefined,
  ) {}

  static async start(overlay: Overlay, networks: RelayNetworks): Promise<DatagramPortals> {
    const [near, far] = await admitPortals(overlay, ['near', 'far']);
    const args = ['receive', '--data', join(overlay.directory, 'far'), '--join', far];
    const receiver = startProcess({ name: 'far', script, args, namespace: networks.lan2 });
    await receiver.waitForLog('online');
    return new DatagramPortals(overlay, networks, receiver, near);
  }

  async send(bytes: number, slowAfter?: number): Promise<DatagramTransfer> {
    const join = this.token === undefined ? [] : ['--join', this.token];
    this.token = undefined;
    const slow = slowAfter === undefined ? [] : ['--slow-after', String(slowAfter)];
    const what = ['--to', 'far', '--bytes', String(bytes), ...slow];
    const args = ['send', '--data', `${this.overlay.directory}/near`, ...what, ...join];
    const sender = startProcess({ name: 'near', script, args, namespace: this.networks.lan1 });
    const { circuitId } = await sender.waitForLog('joined');
    const isOurs = (line: LogLine): boolean => line.msg === 'done' && line.circuitId === circuitId;
    const done = sender.exited.then(async () => {
      const sent = await sender.waitForLog('done');
      return [sent, await this.receiver.waitForLog(isOurs)].map(end) as [TransferEnd, TransferEnd];
    });
    // Whoever breaks a transfer on purpose does not wait for it.
    done.catch(() => {});
    return {
      circuitId: circuitId as CircuitId,
      progress: (least) => sender.waitForLog((line) => line.msg === 'progress' && Number(line.bytes) >= least),
      roam: () => {
        sender.signal('SIGUSR1');
        return sender.waitForLog('roamed');
      },
      hurry: () => sender.signal('SIGUSR2'),
      abandon: () => sender.stop('SIGKILL'),
      done,
    };
  }

  async stop(): Promise<void> {
    await this.receiver.stop('SIGKILL');
  }
}

const end = ({ bytes, sha256, datagrams, again }: LogLine): TransferEnd => ({
  bytes: Number(bytes),
  sha256: String(sha256),
  datagrams: Number(datagrams),
  again: Number(again),
});
