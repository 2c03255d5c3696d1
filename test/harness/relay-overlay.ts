import { execFileSync } from 'node:child_process';
import type { CircuitView, RelayView } from '@netport/protocol';
import { type Dialled, dialFrom, type Ending, type Request, Service } from './applications.js';
import { type BpfFileSystem, mountBpf } from './bpf-file-system.js';
import { DatagramPortals, type DatagramTransfer } from './datagram-portals.js';
import { Overlay } from './overlay.js';
import {
  type IpVersion,
  type RelayNetworks,
  type RelayNetworksOptions,
  relayInterfaces,
  relayNetworks,
} from './relay-networks.js';
import { waitFor } from './wait.js';

export type DatapathChoice = 'userspace' | 'auto';

export interface RelayOverlayOptions extends RelayNetworksOptions {
  datapath: DatapathChoice;
  /** What portals reach control server and relay over. */
  version?: IpVersion;
  /** `relay-1` unless given; only where there is one does it serve metrics. */
  relays?: readonly string[];
  /** Further arguments of `netport-relay run`. */
  relayArgs?: readonly string[];
  /** Further arguments of `netport-portal run`. */
  portalArgs?: readonly string[];
}

const listener = { host: '127.0.0.1', port: 7000 };
const metrics = '127.0.0.1:9464';

/**
 * A relay between two networks with a portal in each, `left` and `right`, and a service beside `right` that `left` offers;
 * and, once they are needed, two more portals that use UDP circuits.
 */
export class RelayOverlay {
  private datagramPortals: DatagramPortals | undefined;

  private constructor(
    readonly networks: RelayNetworks,
    readonly overlay: Overlay,
    readonly service: Service,
    private readonly pins: BpfFileSystem,
    /** What the relay actually took. */
    readonly datapath: RelayView['datapath'],
  ) {}

  static async start(options: RelayOverlayOptions): Promise<RelayOverlay> {
    const { datapath, version = 'ipv4', relays = ['relay-1'], relayArgs = [], portalArgs = [] } = options;
    const networks = relayNetworks(options);
    const pins = mountBpf();
    try {
      const { relay, lan1, lan2, addresses } = networks;
      const address = addresses[version];
      const overlay = await Overlay.start({
        relays,
        portals: ['left', 'right'],
        network: { hub: relay, address, portals: { left: lan1, right: lan2 } },
        portalArgs,
        relayArgs: [
          ...['--datapath', datapath, '--interface', Object.values(relayInterfaces).join()],
          ...['--pin-directory', pins.path],
          // Answers must come from the address that portals dial, not from the one of the interface.
          ...['--listen-address', address, ...(relays.length === 1 ? ['--metrics', metrics] : [])],
          ...relayArgs,
        ],
      });
      const service = await Service.start(lan2, listener.host);
      await overlay.addPair('traffic', `left:${listener.host}:${listener.port}`, `right:127.0.0.1:${service.port}`);
      const [view] = await overlay.cli<RelayView[]>(['relay', 'ls']);
      return new RelayOverlay(networks, overlay, service, pins, view?.datapath ?? 'userspace');
    } catch (error) {
      pins.remove();
      networks.remove();
      throw error;
    }
  }

  /** What a circuit is joined by when nothing speaks against it. */
  joinedBy(transport: 'tcp' | 'udp'): CircuitView['datapath'] {
    if (this.datapath === 'userspace') return 'userspace';
    return transport === 'tcp' ? 'tc' : 'xdp';
  }

  /** An application's connection from beside `left` to the service beside `right`. */
  dial(request: Request): Dialled {
    return dialFrom(this.networks.lan1, listener, request);
  }

  /** One connection from its beginning to its end, as both applications saw it. */
  async exchange(request: Request): Promise<{ client: Ending; service: Ending }> {
    const [client, service] = await Promise.all([this.dial(request).ending, this.service.nextEnding()]);
    return { client, service };
  }

  /**
   * A transfer of so many bytes over a UDP circuit of its own, from the first network to the second; slow from so many on, so
   * that it is not over before it is told to hurry.
   */
  async sendDatagrams(bytes: number, slowAfter?: number): Promise<DatagramTransfer> {
    this.datagramPortals ??= await DatagramPortals.start(this.overlay, this.networks);
    return this.datagramPortals.send(bytes, slowAfter);
  }

  get relay() {
    return this.overlay.relay('relay-1');
  }

  /** Circuits that run, as `netport ls circuits` shows them. */
  circuits(): Promise<CircuitView[]> {
    return this.overlay.cli<CircuitView[]>(['ls', 'circuits']);
  }

  /** The circuit of the tunnel between `left` and `right`: the newest, where an earlier one has been cut off and waits to be reaped. */
  async tunnelCircuit(): Promise<CircuitView> {
    const circuits = (await this.circuits()).filter(({ transport }) => transport === 'tcp');
    const [newest] = circuits.sort((a, b) => b.since.localeCompare(a.since));
    if (!newest) throw new Error('no TCP circuit runs');
    return newest;
  }

  async circuit(id: CircuitView['id']): Promise<CircuitView> {
    const found = (await this.circuits()).find((circuit) => circuit.id === id);
    if (!found) throw new Error(`circuit ${id} does not run`);
    return found;
  }

  waitForCircuits(what: string, check: (circuits: CircuitView[]) => boolean): Promise<unknown> {
    return waitFor(what, async () => check(await this.circuits()));
  }

  /** A figure of the relay's `/metrics`, such as `netport_relay_kernel_drops_total{reason="unbound"}`. */
  metric(name: string): number {
    const page = execFileSync('ip', ['netns', 'exec', this.networks.relay, 'curl', '-sS', `http://${metrics}/metrics`]);
    const line = page
      .toString()
      .split('\n')
      .find((text) => text.startsWith(`${name} `));
    if (!line) throw new Error(`the relay has no metric ${name}`);
    return Number(line.slice(name.length));
  }

  async stop(): Promise<void> {
    await this.datagramPortals?.stop();
    await this.service.stop();
    await this.overlay.stop();
    this.pins.remove();
    this.networks.remove();
  }
}
