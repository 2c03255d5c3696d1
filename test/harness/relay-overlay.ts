import type { CircuitView } from '@netport/protocol';
import { queryStatus } from '@netport/runtime';
import { type Dialled, dialFrom, type Ending, type Request, Service } from './applications.js';
import { Overlay } from './overlay.js';
import { type IpVersion, type RelayNetworks, type RelayNetworksOptions, relayNetworks } from './relay-networks.js';
import { waitFor } from './wait.js';

export type DatapathChoice = 'userspace' | 'auto';

export interface RelayOverlayOptions extends RelayNetworksOptions {
  datapath: DatapathChoice;
  /** What both portals reach control server and relay over. */
  version?: IpVersion;
}

/** What the relay says of itself, as far as the scenarios ask. */
interface RelayStatus {
  datapath: 'userspace' | 'xdp';
  datapathReason?: string;
}

const listener = { host: '127.0.0.1', port: 7000 };

/** Portals `left` and `right` behind their NATs, a relay between them, and a service beside `right` that `left` offers. */
export class RelayOverlay {
  private constructor(
    readonly networks: RelayNetworks,
    readonly overlay: Overlay,
    readonly service: Service,
  ) {}

  static async start({ datapath, version = 'ipv4', ...options }: RelayOverlayOptions): Promise<RelayOverlay> {
    const networks = relayNetworks(options);
    try {
      const { relay, lan1, lan2, addresses } = networks;
      const address = addresses[version];
      const overlay = await Overlay.start({
        portals: ['left', 'right'],
        network: { hub: relay, address, portals: { left: lan1, right: lan2 } },
        // Answers must come from the address that portals dial, not from the one of the interface.
        relayArgs: ['--datapath', datapath, '--listen-address', address],
      });
      const service = await Service.start(lan2, listener.host);
      const started = new RelayOverlay(networks, overlay, service);
      await overlay.addPair('traffic', `left:${listener.host}:${listener.port}`, `right:127.0.0.1:${service.port}`);
      return started;
    } catch (error) {
      networks.remove();
      throw error;
    }
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

  get relay() {
    return this.overlay.relay('relay-1');
  }

  async relayStatus(): Promise<RelayStatus> {
    return (await queryStatus(this.relay.directory)) as RelayStatus;
  }

  /** What a TCP circuit is joined by: in the kernel at tc where this relay can. */
  async tcpDatapath(): Promise<CircuitView['datapath']> {
    return (await this.relayStatus()).datapath === 'xdp' ? 'tc' : 'userspace';
  }

  /** The one circuit that runs, as `netport ls circuits` shows it. */
  async circuit(): Promise<CircuitView> {
    const [circuit, ...more] = await this.circuits();
    if (!circuit || more.length > 0) throw new Error(`${more.length + (circuit ? 1 : 0)} circuits run, not one`);
    return circuit;
  }

  circuits(): Promise<CircuitView[]> {
    return this.overlay.cli<CircuitView[]>(['ls', 'circuits']);
  }

  waitForCircuits(what: string, check: (circuits: CircuitView[]) => boolean, timeoutMs?: number): Promise<unknown> {
    return waitFor(what, async () => check(await this.circuits()), timeoutMs);
  }

  async stop(): Promise<void> {
    await this.service.stop();
    await this.overlay.stop();
    this.networks.remove();
  }
}
