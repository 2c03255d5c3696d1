import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NewToken, PairView } from '@netport/protocol';
import { type LogLine, type RunningProcess, runCommand, startProcess } from './process.js';
import { freePort, waitFor } from './wait.js';

/** The repository, from test/harness as well as from test/dist/harness. */
export const root = dirname(fileURLToPath(import.meta.url)).replace(/\/test\/(dist\/)?harness$/, '');

export const scripts = {
  control: join(root, 'control-server/bin/netport-control.mjs'),
  relay: join(root, 'relay/bin/netport-relay.mjs'),
  portal: join(root, 'portal/bin/netport-portal.mjs'),
  cli: join(root, 'cli/bin/netport.mjs'),
};

const loopback = '127.0.0.1';

/** What relays forward with unless a test says otherwise: as root, `auto` is the kernel. */
const datapath = process.env.NETPORT_TEST_DATAPATH ?? 'auto';

/** Relays of several tests must not share ports: not of one file, where they still rest, nor of two files that run at once. */
const portsPerRelay = 400;
const portsPerWorker = 19_200;
const firstPort = 20_000 + (Number(process.env.VITEST_POOL_ID ?? 0) % 2) * portsPerWorker;
const lastPort = firstPort + portsPerWorker - 1;
let nextPorts = firstPort + (process.pid % 24) * portsPerRelay * 2;

export interface Member {
  name: string;
  directory: string;
  process: RunningProcess;
  start(): Promise<void>;
}

/** Network namespaces to run in, instead of all on the loopback interface. */
export interface OverlayNetwork {
  /** Where control server, relays and command line run, and the address that portals reach them at. */
  hub: string;
  address: string;
  /** A portal's name → its namespace. */
  portals: Readonly<Record<string, string>>;
}

export interface OverlayOptions {
  relays?: readonly string[];
  portals?: readonly string[];
  network?: OverlayNetwork;
  /** Further arguments of `netport-control run`. */
  controlArgs?: readonly string[];
  /** Further arguments of `netport-relay run`. */
  relayArgs?: readonly string[];
  /** Further arguments of `netport-portal run`. */
  portalArgs?: readonly string[];
  onLog?: (name: string, line: LogLine) => void;
}

/** A control server, relays and portals as real processes, in a temporary directory. */
export class Overlay {
  readonly portals = new Map<string, Member>();
  readonly relays = new Map<string, Member>();

  private constructor(
    readonly directory: string,
    readonly url: string,
    private readonly options: OverlayOptions,
    public control: RunningProcess,
  ) {}

  static async start(options: OverlayOptions = {}): Promise<Overlay> {
    const directory = await mkdtemp(join(tmpdir(), 'netport-'));
    const port = await freePort();
    const url = `https://${urlHost(options.network?.address ?? loopback)}:${port}`;
    const overlay = new Overlay(directory, url, options, startControl(directory, url, options));
    try {
      await overlay.control.waitForLog('listening');
      for (const name of options.relays ?? ['relay-1']) await overlay.addRelay(name);
      for (const name of options.portals ?? ['a', 'b']) await overlay.addPortal(name);
      return overlay;
    } catch (error) {
      await overlay.stop();
      throw error;
    }
  }

  get rootFile(): string {
    return join(this.directory, 'control', 'root.pem');
  }

  get tokenFile(): string {
    return join(this.directory, 'control', 'admin-token');
  }

  async adminToken(): Promise<string> {
    return (await readFile(this.tokenFile, 'utf8')).trim();
  }

  /** Starts the control server again, on its old port and data. */
  async restartControl(): Promise<void> {
    this.control = startControl(this.directory, this.url, this.options);
    await this.control.waitForLog('listening');
  }

  async addRelay(name: string): Promise<Member> {
    const first = nextPorts;
    const last = first + portsPerRelay - 1;
    nextPorts = last < lastPort ? last + 1 : firstPort;
    const ports = `${first}-${last}`;
    const { address = loopback, hub } = this.options.network ?? {};
    const { relayArgs = [] } = this.options;
    // What a killed relay has pinned would go on after the test: by default there is nothing to pin in.
    const common = ['--address', address, '--ports', ports, '--pin-directory', join(this.directory, 'pins')];
    return this.addMember('relay', name, [...common, '--datapath', datapath, ...relayArgs], hub);
  }

  addPortal(name: string, args = this.options.portalArgs ?? []): Promise<Member> {
    return this.addMember('portal', name, args, this.options.network?.portals[name]);
  }

  /** Grants a pair with the command line client, as an admin would, and waits until both portals have it in force. */
  async addPair(name: string, from: string, to: string, options: readonly string[] = []): Promise<PairView> {
    await this.admin(['pair', 'add', name, '--from', from, '--to', to, ...options]);
    return this.pairState(name, 'active');
  }

  pairState(name: string, state: PairView['state']): Promise<PairView> {
    return waitFor(`pair ${name} to be ${state}`, async () => {
      const pair = await this.cli<PairView>(['pair', 'show', name]);
      return pair.state === state && pair;
    });
  }

  /** The command line client's JSON output. Throws with its error output when it fails. */
  async cli<T>(args: readonly string[]): Promise<T> {
    return JSON.parse(await this.admin([...args, '--json'])) as T;
  }

  /** The command line client's output for people. Throws with its error output when it fails. */
  async admin(args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.tryCli(args);
    if (code !== 0) throw new Error(`netport ${args.join(' ')}: exit ${code}: ${stderr}`);
    return stdout;
  }

  async tryCli(args: readonly string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
    const env = { NETPORT_URL: this.url, NETPORT_CA: this.rootFile, NETPORT_TOKEN: await this.adminToken() };
    return runCommand({ name: 'netport', script: scripts.cli, args, env, namespace: this.options.network?.hub });
  }

  /** One call of the admin API, for polling; what people do goes through `cli`. */
  async api<T>(method: string, path: string, body?: unknown): Promise<T> {
    const [token, ca] = await Promise.all([this.adminToken(), readFile(this.rootFile)]);
    return new Promise((resolve, reject) => {
      const outgoing = request(
        `${this.url}/api/v1${path}`,
        {
          ...{ method, ca, agent: false },
          headers: {
            authorization: `Bearer ${token}`,
            ...(body !== undefined && { 'content-type': 'application/json' }),
          },
        },
        (incoming) => {
          let answer = '';
          incoming.setEncoding('utf8').on('data', (chunk) => {
            answer += chunk;
          });
          incoming.on('end', () => {
            if ((incoming.statusCode ?? 500) < 300) resolve(JSON.parse(answer) as T);
            else reject(new Error(`${method} ${path}: ${incoming.statusCode} ${answer}`));
          });
        },
      );
      outgoing.on('error', reject);
      outgoing.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  portal(name: string): Member {
    return found(this.portals, name);
  }

  relay(name: string): Member {
    return found(this.relays, name);
  }

  /** Ends everything at once. */
  async stop(): Promise<void> {
    await Promise.all([...this.members(), this.control].map((process) => process.stop('SIGKILL')));
    await rm(this.directory, { recursive: true, force: true });
  }

  /** Lets everything end by itself: the portals and relays first, so that they can say goodbye. */
  async shutDown(): Promise<void> {
    await Promise.all(this.members().map((process) => process.stop('SIGTERM')));
    await this.control.stop('SIGTERM');
    await rm(this.directory, { recursive: true, force: true });
  }

  private members(): RunningProcess[] {
    return [...this.portals.values(), ...this.relays.values()].map((member) => member.process);
  }

  private async addMember(
    kind: 'relay' | 'portal',
    name: string,
    args: readonly string[],
    namespace: string | undefined,
  ): Promise<Member> {
    const { onLog } = this.options;
    const { token } = await this.cli<NewToken>([kind, 'add', name]);
    const directory = join(this.directory, `${kind}-${name}`);
    const launch = (extra: readonly string[]): RunningProcess =>
      startProcess({
        name,
        script: scripts[kind],
        args: ['run', '--data', directory, '--grace', '2s', ...args, ...extra],
        namespace,
        ...(onLog && { onLog: (line: LogLine) => onLog(name, line) }),
      });
    const member: Member = {
      name,
      directory,
      process: launch(['--join', token]),
      start: async () => {
        member.process = launch([]);
        await member.process.waitForLog('online');
      },
    };
    (kind === 'relay' ? this.relays : this.portals).set(name, member);
    await member.process.waitForLog('online');
    return member;
  }
}

function startControl(
  directory: string,
  url: string,
  { network, controlArgs = [], onLog }: OverlayOptions,
): RunningProcess {
  return startProcess({
    name: 'control',
    script: scripts.control,
    args: [
      ...['run', '--data', join(directory, 'control'), '--listen', new URL(url).host, '--public-url', url],
      ...controlArgs,
    ],
    namespace: network?.hub,
    ...(onLog && { onLog: (line: LogLine) => onLog('control', line) }),
  });
}

const urlHost = (address: string): string => (address.includes(':') ? `[${address}]` : address);

function found(members: ReadonlyMap<string, Member>, name: string): Member {
  const member = members.get(name);
  if (!member) throw new Error(`no ${name} in this overlay`);
  return member;
}
