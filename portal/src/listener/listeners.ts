import type { Server, Socket } from 'node:net';
import {
  asNetportError,
  formatEndpoint,
  listenerKey,
  NetportError,
  type PairId,
  type PolicyRule,
  socketAddress,
} from '@netport/protocol';
import type { Logger } from '@netport/runtime';
import { listen } from './server.js';
import { listenUnix } from './unix.js';

/** How often a listener that could not be opened is tried again, in milliseconds. */
const retryInterval = 3000;

export interface ListenersOptions {
  onSocket: (socket: Socket, rule: PolicyRule) => void;
  /** Some listener began or ceased to fail. */
  onChange: () => void;
  log: Logger;
  retryInterval?: number;
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

class Listener {
  rule: PolicyRule;
  error: NetportError | undefined;
  readonly #options: ListenersOptions;
  #server: Server | undefined;
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
    // Ends accepting; what was accepted belongs to the forwarder.
    this.#server?.close();
  }

  #listen(): Promise<Server> {
    const { rule } = this;
    if (rule.protocol !== 'tcp') throw new NetportError('unavailable', 'this version of the portal carries tcp only');
    const address = socketAddress(rule);
    const onSocket = (socket: Socket): void => this.#options.onSocket(socket, this.rule);
    return 'path' in address ? listenUnix(address.path, onSocket) : listen(address, formatEndpoint(rule), onSocket);
  }
}
