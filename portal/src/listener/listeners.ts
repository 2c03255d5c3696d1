import type { Socket } from 'node:net';
import {
  asNetportError,
  formatEndpoint,
  limits,
  listenerKey,
  type NetportError,
  type PairId,
  type PolicyRule,
  socketAddress,
} from '@netport/protocol';
import type { Logger } from '@netport/runtime';
import type { DatagramClient, DatagramDrops } from '../datagram-end.js';
import { listen } from './server.js';
import { type UdpAddress, UdpListener } from './udp.js';
import { listenUnix } from './unix.js';

/** How often a listener that could not be opened is tried again, in milliseconds. */
const retryInterval = 3000;

export interface ListenersOptions {
  onSocket: (socket: Socket, rule: PolicyRule) => void;
  onClient: (client: DatagramClient, rule: PolicyRule) => void;
  drops: DatagramDrops;
  /** Some listener began or ceased to fail. */
  onChange: () => void;
  log: Logger;
  retryInterval?: number;
  /** Milliseconds after which a UDP client that neither sends nor gets anything is forgotten. */
  flowIdle?: number;
}

export interface ListenerState {
  rule: PolicyRule;
  error?: NetportError;
}

/** The listeners that the policy wants, each retried on its own until it stands. */
export class Listeners {
  readonly #options: ListenersOptions;
  readonly #listeners = new Map<string, Listener>();

  constructor(options: ListenersOptions) {
    this.#options = options;
  }

  /** Opens and closes the difference; a listener whose address stays is not touched. Resolves after each was tried once. */
  async apply(rules: readonly PolicyRule[]): Promise<void> {
    const wanted = new Map(rules.map((rule) => [listenerKey(rule), rule]));
    for (const [key, listener] of this.#listeners) {
      if (wanted.has(key)) continue;
      this.#listeners.delete(key);
      listener.close();
    }
    const opening: Promise<void>[] = [];
    for (const [key, rule] of wanted) {
      const standing = this.#listeners.get(key);
      if (standing) {
        standing.rule = rule;
        continue;
      }
      const listener = new Listener(rule, this.#options);
      this.#listeners.set(key, listener);
      opening.push(listener.open());
    }
    await Promise.all(opening);
  }

  list(): ListenerState[] {
    return [...this.#listeners.values()].map(({ rule, error }) => ({ rule, ...(error ? { error } : {}) }));
  }

  failed(): { pair: PairId; code: NetportError['code']; message: string }[] {
    return this.list().flatMap(({ rule, error }) =>
      error ? [{ pair: rule.pair, code: error.code, message: error.message }] : [],
    );
  }

  close(): void {
    for (const listener of this.#listeners.values()) listener.close();
    this.#listeners.clear();
  }
}

/** A TCP or unix server ends accepting, what it accepted belongs to the forwarder; a UDP listener ends its clients too. */
interface Closable {
  close(): unknown;
}

class Listener {
  rule: PolicyRule;
  error: NetportError | undefined;
  readonly #options: ListenersOptions;
  #server: Closable | undefined;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(rule: PolicyRule, options: ListenersOptions) {
    this.rule = rule;
    this.#options = options;
  }

  async open(): Promise<void> {
    const { log, onChange } = this.#options;
    const name = formatEndpoint(this.rule);
    const before = this.error?.code;
    try {
      const server = await this.#listen();
      if (this.#closed) {
        server.close();
        return;
      }
      this.#server = server;
      this.error = undefined;
      log.info({ pair: this.rule.name, listener: name }, 'listening');
    } catch (thrown) {
      if (this.#closed) return;
      this.error = asNetportError(thrown);
      if (before !== this.error.code) {
        log.warn({ pair: this.rule.name, listener: name, code: this.error.code }, this.error.message);
      }
      this.#retry = setTimeout(() => void this.open(), this.#options.retryInterval ?? retryInterval);
    }
    if (before !== this.error?.code) onChange();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#retry);
    this.#server?.close();
  }

  #listen(): Promise<Closable> {
    const { rule } = this;
    const address = socketAddress(rule);
    const name = formatEndpoint(rule);
    const onSocket = (socket: Socket): void => this.#options.onSocket(socket, this.rule);
    if ('path' in address) return listenUnix(address.path, onSocket);
    return rule.protocol === 'udp' ? this.#listenUdp(address, name) : listen(address, name, onSocket);
  }

  #listenUdp(address: UdpAddress, name: string): Promise<Closable> {
    const { drops, flowIdle: idle = limits.flowIdle, onClient } = this.#options;
    return UdpListener.open(address, name, {
      ...{ idle, most: limits.flowsPerListener, drops },
      onClient: (client) => onClient(client, this.rule),
      now: () => performance.now(),
    });
  }
}
