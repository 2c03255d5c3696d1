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

export interface BindOptions {
  timeout?: number;
  /** Ends the attempt, and destroys the socket, whoever has it by then. */
  abandon?: AbortSignal | undefined;
  /** An HTTP proxy on the way. */
  proxy?: URL | undefined;
}

type BindableLeg = Pick<LegOffer, 'circuitId' | 'host' | 'port' | 'token' | 'relay'>;

/**
 * Connects to the relay, says the preamble and waits for the ready mark. The socket that it resolves with is paused,
 * and what is unread in it is the other portal's. Rejects with `leg_rejected`, or `circuit_expired` when the relay took
 * the leg and the other portal did not come.
 */
export async function bindLeg(
  leg: BindableLeg,
  { timeout = limits.legBindTimeout, abandon, proxy }: BindOptions = {},
): Promise<Socket> {
  const name = `leg to relay ${leg.relay}`;
  const { host, port } = leg;
  const deadline = performance.now() + timeout;
  const through =
    proxy &&
    (await connectThrough(proxy, { host, port }, { timeout, signal: abandon }).catch((cause: Error) => {
      throw new NetportError('leg_rejected', `${name}: ${cause.message}`, { cause });
    }));
  const socket = through ?? connect({ host, port, noDelay: true, ...(abandon && { signal: abandon }) });
  return join(leg, socket, Math.max(0, deadline - performance.now()));
}

function join(leg: BindableLeg, socket: Socket, timeout: number): Promise<Socket> {
  const name = `leg to relay ${leg.relay}`;
  return new Promise((resolve, reject) => {
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
    // Before it is connected, this waits.
    socket.write(encodePreamble({ circuitId: leg.circuitId, token: fromBase64Url(leg.token) }));
  });
}
