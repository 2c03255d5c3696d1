import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PortalStatus } from '@netport/portal';
import { decodeJoinToken, formatEndpoint, type NewToken, type PairView } from '@netport/protocol';
import { queryStatus } from '@netport/runtime';
import { CommandLine } from './command-line.js';
import { type LogLine, type Outcome, type RunningProcess, root, startProcess } from './process.js';
import { keysIn, leaks, payloadSecrets } from './secrets.js';
import { freePort, waitFor } from './wait.js';

export const scripts = {
  control: join(root, 'control-server/bin/netport-control.mjs'),
  relay: join(root, 'relay/bin/netport-relay.mjs'),
  portal: join(root, 'portal/bin/netport-portal.mjs'),
  cli: join(root, 'cli/bin/netport.mjs'),
};

const loopback = '127.0.0.1';

const adminTokenLine = /^admin token: npa_[\w-]{43}$/;

/** What the command line client shows once, in its JSON output. */
const shownOnce = /"(token|secret|password)": ?"([^"]{12,})"/g;

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
  /** Every process that it had, also those that others have taken the place of, and what its commands wrote on stderr. */
  private readonly launched: { readonly output: readonly string[] }[] = [];
  private readonly secrets = payloadSecrets();
  private readonly commandLine: CommandLine;

  private constructor(
    readonly directory: string,
    readonly url: string,
    private readonly options: OverlayOptions,
    public control: RunningProcess,
  ) {
    this.launched.push(control);
    this.commandLine = new CommandLine(options.network?.hub);
  }

  static async start(options: OverlayOptions = {}): Promise<Overlay> {
    const directory = await mkdtemp(join(tmpdir(), 'netport-'));
    const port = await freePort();
    const url = `https://${urlHost(options.network?.address ?? loopback)}:${port}`;
    const overlay = new Overlay(directory, url, options, startControl(directory, url, options));
    try {
      await overlay.control.waitForLog('listening');
      await Promise.all((options.relays ?? ['relay-1']).map((name) => overlay.addRelay(name)));
      await Promise.all((options.portals ?? ['a', 'b']).map((name) => overlay.addPortal(name)));
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
    this.launched.push(this.control);
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
    return this.inForce(name);
  }

  /**
   * Waits until a pair is in force as it is, by the word of the portals themselves: the control server waits for those that are
   * stuck no longer than a moment.
   */
  async inForce(name: string): Promise<PairView> {
    const pair = await this.pairState(name, 'active');
    const has = async (side: 'from' | 'to'): Promise<boolean> => {
      const directory = this.portals.get(pair[side].portal)?.directory;
      if (directory === undefined) return true;
      const { listeners, targets } = (await queryStatus(directory)) as PortalStatus;
      const rules = side === 'to' ? targets : listeners.filter(({ state }) => state === 'listening');
      return rules.some((rule) => rule.pair === name && rule.address === formatEndpoint(pair[side]));
    };
    await waitFor(`pair ${name} to be in force`, async () => (await has('from')) && has('to'));
    return pair;
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

  async tryCli(args: readonly string[]): Promise<Outcome> {
    const env = { NETPORT_URL: this.url, NETPORT_CA: this.rootFile, NETPORT_TOKEN: await this.adminToken() };
    const done = await this.commandLine.run(args, env);
    this.launched.push({ output: done.stderr.split('\n') });
    for (const [, what = '', shown = ''] of done.stdout.matchAll(shownOnce)) {
      this.secrets.set(shown.replace(/^np[a-z]1?_/, ''), what);
      if (shown.startsWith('npj1_')) this.secrets.set(decodeJoinToken(shown).secret, what);
    }
    return done;
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

  /** Ends everything at once. Throws when any of it wrote a secret into its log. */
  async stop(): Promise<void> {
    await Promise.all([...this.members(), this.control].map((process) => process.stop('SIGKILL')));
    await this.clean();
  }

  /** Lets everything end by itself: the portals and relays first, so that they can say goodbye. */
  async shutDown(): Promise<void> {
    await Promise.all(this.members().map((process) => process.stop('SIGTERM')));
    await this.control.stop('SIGTERM');
    await this.clean();
  }

  private async clean(): Promise<void> {
    this.commandLine.stop();
    const directories = [...this.portals.values(), ...this.relays.values()].map(({ directory }) => directory);
    const keys = await Promise.all([join(this.directory, 'control'), ...directories].map(keysIn));
    const secrets = new Map([...this.secrets, ...keys.flatMap((found) => [...found])]);
    await rm(this.directory, { recursive: true, force: true });
    const lines = this.launched.flatMap(({ output }) => output);
    // The first start prints it, on purpose, once.
    const first = lines.findIndex((line) => adminTokenLine.test(line));
    const found = leaks(lines.toSpliced(first, first < 0 ? 0 : 1), secrets);
    if (found.length > 0) throw new Error(`secrets in logs:\n${found.slice(0, 20).join('\n')}`);
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
    const launch = (extra: readonly string[]): RunningProcess => {
      const process = startProcess({
        name,
        script: scripts[kind],
        args: ['run', '--data', directory, '--grace', '2s', ...args, ...extra],
        namespace,
        ...(onLog && { onLog: (line: LogLine) => onLog(name, line) }),
      });
      this.launched.push(process);
      return process;
    };
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
