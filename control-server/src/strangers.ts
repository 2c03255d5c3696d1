import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { limits, NetportError } from '@netport/protocol';
import { originOf, sourceAddress, sourceNetwork } from './origin.js';
import { perMinute, RateLimits } from './rate-limit.js';

/** What somebody who has not shown who he is may have of this server: sockets at once, and requests in a minute, for each source address. */
export class Strangers {
  readonly #now: () => number;
  readonly #requests = new RateLimits((now) => perMinute(limits.openRequestsPerMinute, now), limits.signInSources);
  /** Source → origin → socket, in order of arrival. By origin, because TLS hides the socket below it. */
  readonly #sockets = new Map<string, Map<string, Socket>>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** For each connection, before its handshake. When its source has too many, the oldest makes room: whoever is honest is quick. */
  arrived(socket: Socket): void {
    const [source, origin] = [sourceOf(socket), originOf(socket)];
    const sockets = this.#sockets.get(source) ?? new Map<string, Socket>();
    this.#sockets.set(source, sockets.set(origin, socket));
    socket.once('close', () => {
      if (sockets.get(origin) === socket) this.#forget(source, origin);
    });
    const [oldest] = sockets;
    if (sockets.size <= limits.socketsPerStranger || !oldest) return;
    this.#forget(source, oldest[0]);
    oldest[1].destroy();
  }

  /** Whoever is at the other end has shown who he is. */
  known(socket: Socket): void {
    this.#forget(sourceOf(socket), originOf(socket));
  }

  has(socket: Socket): boolean {
    return this.#sockets.get(sourceOf(socket))?.has(originOf(socket)) ?? false;
  }

  /** For each request that anybody may make. Throws `rate_limited`. */
  admit({ socket }: IncomingMessage): void {
    if (!this.#requests.take(sourceOf(socket), this.#now())) {
      throw new NetportError('rate_limited', 'too many requests from this address: wait a minute');
    }
  }

  #forget(source: string, origin: string): void {
    const sockets = this.#sockets.get(source);
    sockets?.delete(origin);
    if (sockets?.size === 0) this.#sockets.delete(source);
  }
}

/** The address that one counts for. */
export const sourceOf = (socket: Socket): string => sourceNetwork(sourceAddress(socket) ?? '');
