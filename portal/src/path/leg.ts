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
import { systemError } from '@netport/runtime';

type BindableLeg = Pick<LegOffer, 'circuitId' | 'host' | 'port' | 'token' | 'relay'>;

/**
 * Connects to the relay, says the preamble and waits for the ready mark. The socket that it resolves with is paused,
 * and what is unread in it is the other portal's. Rejects with `leg_rejected`, or `circuit_expired` when the relay took
 * the leg and the other portal did not come. Aborting `abandon` destroys the socket, whoever has it by then.
 */
export function bindLeg(
  leg: BindableLeg,
  timeout: number = limits.legBindTimeout,
  abandon?: AbortSignal,
): Promise<Socket> {
  const name = `leg to relay ${leg.relay}`;
  return new Promise((resolve, reject) => {
    const socket = connect({ host: leg.host, port: leg.port, noDelay: true, ...(abandon && { signal: abandon }) });
    const fail = (error: NetportError): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(error);
    };
    const expire = (): void => {
      fail(
        socket.connecting
          ? new NetportError('leg_rejected', `${name}: ${leg.host}:${leg.port} does not answer`)
          : new NetportError('circuit_expired', `${name}: the other portal did not bind its leg in time`),
      );
    };
    const timer = setTimeout(expire, timeout);

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
    socket.once('connect', () => {
      socket.write(encodePreamble({ circuitId: leg.circuitId, token: fromBase64Url(leg.token) }));
    });
  });
}
