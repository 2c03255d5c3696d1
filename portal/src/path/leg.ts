import { connect, type Socket } from 'node:net';
import {
  decodeReadyMark,
  encodePreamble,
  fromBase64Url,
  type LegOffer,
  limits,
  NetportError,
  readyMarkBytes,
} from '@netport/protocol';
import { connectThrough, systemError } from '@netport/runtime';
import { race } from './race.js';

export interface BindOptions {
  timeout?: number;
  /** Ends the attempt, and destroys the socket, whoever has it by then. */
  abandon?: AbortSignal | undefined;
  /** An HTTP proxy on the way. */
  proxy?: URL | undefined;
}

type BindableLeg = Pick<LegOffer, 'circuitId' | 'host' | 'port' | 'legPort' | 'token' | 'relay'>;

/**
 * Connects to the relay, says the preamble and waits for the ready mark. The socket that it resolves with is paused,
 * and what is unread in it is the other portal's. Rejects with `leg_rejected`, or `circuit_expired` when the relay took
 * the leg and the other portal did not come.
 */
export async function bindLeg(
  leg: BindableLeg,
  { timeout = limits.legBindTimeout, abandon, proxy }: BindOptions = {},
): Promise<Socket> {
  const deadline = performance.now() + timeout;
  const { port, legPort } = leg;
  const attempts = (legPort === undefined ? [port] : [port, legPort]).map((target) => (lost: AbortSignal) => {
    const signal = abandon ? AbortSignal.any([abandon, lost]) : lost;
    return proxy ? connectByProxy(proxy, leg, target, timeout, signal) : connectTo(leg, target, timeout, signal);
  });
  // The preamble is said on one connection only: a leg token works once.
  const socket = await race(attempts, {
    headStart: limits.legPortHeadStart,
    isFinal: () => abandon?.aborted ?? false,
    discard: (late) => late.destroy(),
  });
  return join(leg, socket, Math.max(0, deadline - performance.now()));
}

const nameOf = ({ relay }: BindableLeg): string => `leg to relay ${relay}`;

function connectByProxy(
  proxy: URL,
  leg: BindableLeg,
  port: number,
  timeout: number,
  signal: AbortSignal,
): Promise<Socket> {
  return connectThrough(proxy, { host: leg.host, port }, { timeout, signal }).catch((cause: Error) => {
    throw new NetportError('leg_rejected', `${nameOf(leg)}: ${cause.message}`, { cause });
  });
}

function connectTo(leg: BindableLeg, port: number, timeout: number, signal: AbortSignal): Promise<Socket> {
  const { host } = leg;
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, noDelay: true, signal });
    const fail = (message: string, cause?: Error): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(new NetportError('leg_rejected', message, { cause }));
    };
    const timer = setTimeout(() => fail(`${nameOf(leg)}: ${host}:${port} does not answer`), timeout);
    const onError = (error: Error): void => fail(systemError(error, 'leg_rejected', nameOf(leg)).message, error);
    socket.on('error', onError).once('connect', () => {
      clearTimeout(timer);
      socket.off('error', onError);
      resolve(socket);
    });
  });
}

function join(leg: BindableLeg, socket: Socket, timeout: number): Promise<Socket> {
  const name = nameOf(leg);
  return new Promise((resolve, reject) => {
    const fail = (error: NetportError): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(error);
    };
    const timer = setTimeout(
      () => fail(new NetportError('circuit_expired', `${name}: the other portal did not bind its leg in time`)),
      timeout,
    );

    const onError = (error: Error): void => {
      fail(new NetportError('leg_rejected', systemError(error, 'leg_rejected', name).message, { cause: error }));
    };
    const onClose = (): void => fail(new NetportError('leg_rejected', `${name}: closed before it was ready`));
    const onReadable = (): void => {
      // Exactly the mark: what follows it belongs to TLS and stays in the socket.
      const mark: Buffer | null = socket.read(readyMarkBytes);
      if (!mark) return;
      try {
        decodeReadyMark(mark);
      } catch (cause) {
        fail(new NetportError('leg_rejected', `${name}: what answers there is no relay`, { cause }));
        return;
      }
      clearTimeout(timer);
      socket.off('error', onError).off('close', onClose).off('readable', onReadable);
      resolve(socket);
    };
    socket.on('error', onError).on('close', onClose).on('readable', onReadable);
    socket.write(encodePreamble({ circuitId: leg.circuitId, token: fromBase64Url(leg.token) }));
  });
}
