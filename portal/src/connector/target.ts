import { connect, type Socket } from 'node:net';
import { formatEndpoint, limits, NetportError, socketAddress } from '@netport/protocol';
import { systemError } from '@netport/runtime';
import { coalesceBytes } from '../pump.js';

/**
 * Dials what a rule names: a TCP address (every address of a name is tried) or a unix socket. Resolves with a half-open,
 * paused socket. Rejects with `connect_refused`, `connect_timeout`, `dns_failed`, `host_unreachable`, …
 */
export function connectTarget(
  target: { address: string; port?: number | undefined },
  abandon?: AbortSignal,
  timeout: number = limits.targetConnectTimeout,
): Promise<Socket> {
  const name = `target ${formatEndpoint(target)}`;
  return new Promise((resolve, reject) => {
    const socket = connect({
      ...socketAddress(target),
      ...{ allowHalfOpen: true, noDelay: true, keepAlive: true, highWaterMark: coalesceBytes },
    });
    socket.pause();
    const fail = (error: NetportError): void => {
      clearTimeout(timer);
      abandon?.removeEventListener('abort', giveUp);
      socket.destroy();
      reject(error);
    };
    const giveUp = (): void => fail(new NetportError('stream_reset', `${name}: nobody waits for it any more`));
    const timer = setTimeout(
      () => fail(new NetportError('connect_timeout', `${name}: no answer within ${timeout / 1000} s`)),
      timeout,
    );
    const onError = (error: Error): void => fail(systemError(error, 'connect_failed', name));
    if (abandon?.aborted) return giveUp();
    abandon?.addEventListener('abort', giveUp, { once: true });
    socket.on('error', onError);
    socket.once('connect', () => {
      clearTimeout(timer);
      abandon?.removeEventListener('abort', giveUp);
      socket.off('error', onError);
      resolve(socket);
    });
  });
}
