import { randomInt } from 'node:crypto';
import type { Trust } from '@netport/pki';
import { answeredId, asNetportError, type ErrorCode, limits, messageId, NetportError } from '@netport/protocol';
import { WebSocket } from 'ws';
import { attend, connectSocket, type Pulse } from './control-socket.js';
import type { StoredIdentity } from './identity.js';
import type { Logger } from './log.js';

interface Envelope {
  type: string;
  id?: number | undefined;
}

/** The messages of a set that expect an answer, before they have an id. */
type Request<Out> = Out extends { id: number } ? Omit<Out, 'id'> : never;

export interface ControlSessionOptions<In extends Envelope, Out extends Envelope> {
  /** Looked at for each session anew: it may have been renewed. */
  identity: () => StoredIdentity;
  trust: () => Trust;
  /** The first message of each session. */
  hello: () => Out;
  /** Throws NetportError on anything that is no message of the set. */
  decode: (text: string) => In;
  /** Every message but the answers to requests. */
  onMessage: (message: In) => void;
  /** After `welcome` was handled. */
  onUp?: () => void;
  onDown?: (reason: NetportError) => void;
  log: Logger;
  /** An HTTP proxy on the way. */
  proxy?: URL | undefined;
  /** 0 ≤ x < 1, for the back-off. */
  random?: () => number;
}

export interface ControlSession<In extends Envelope, Out extends Envelope> {
  readonly up: boolean;
  /** Since when it is up, or down. */
  readonly since: Date;
  /** How often it came up. */
  readonly starts: number;
  /** False when it is down: the message was not sent and will not be. */
  send(message: Out): boolean;
  /**
   * Sends a message with a new id; resolves with the answer that carries it, rejects with the peer's error or `unavailable`. Waits a
   * moment for a session that has just ended.
   */
  request<Answer extends In>(message: Request<Out>): Promise<Answer>;
  /**
   * The way to the control server may have changed: where it is not heard within `controlCheckTimeout`, the session is begun
   * again, instead of after `controlSilence`.
   */
  check(): void;
  close(): Promise<void>;
}

/** Full jitter: portals that lost their control server together do not come back together. */
export const backoff = (attempt: number, random: () => number): number =>
  random() * Math.min(limits.backoffMax, limits.backoffBase * 2 ** Math.min(attempt, 20));

/** Keeps a control session until it is closed: connects, greets, watches that the other end lives, and comes back. */
export function openControlSession<In extends Envelope, Out extends Envelope>(
  options: ControlSessionOptions<In, Out>,
): ControlSession<In, Out> {
  const { log } = options;
  const random = options.random ?? (() => randomInt(1 << 30) / (1 << 30));
  const pending = new Map<number, { resolve: (answer: In) => void; reject: (error: NetportError) => void }>();
  let socket: WebSocket | undefined;
  let pulse: Pulse | undefined;
  let up = false;
  let since = new Date();
  let starts = 0;
  let attempt = 0;
  let nextId = 1;
  let closed = false;
  /** Requests that wait for the session to come back. */
  const waitingForUp = new Set<() => void>();
  let retry: NodeJS.Timeout | undefined;

  const send = (message: Out): boolean => {
    if (!up || socket?.readyState !== WebSocket.OPEN) return false;
    if (socket.bufferedAmount > limits.controlSendBufferBytes) {
      socket.terminate();
      return false;
    }
    socket.send(JSON.stringify(message));
    return true;
  };

  const onText = (current: WebSocket, text: string): void => {
    let message: In;
    try {
      message = options.decode(text);
    } catch (thrown) {
      const error = asNetportError(thrown, 'protocol_error');
      log.warn({ code: error.code }, `control message refused: ${error.message}`);
      const id = messageId(text);
      current.send(
        JSON.stringify({ type: 'error', ...(id !== undefined && { id }), code: error.code, message: error.message }),
      );
      return;
    }
    const id = answeredId(message);
    const waiting = id === undefined ? undefined : pending.get(id);
    if (waiting && id !== undefined) {
      pending.delete(id);
      if (message.type === 'error') waiting.reject(errorOf(message));
      else waiting.resolve(message);
      return;
    }
    if (message.type === 'welcome') {
      attempt = 0;
      up = true;
      starts += 1;
      since = new Date();
      warnOfClock(message, log);
    }
    options.onMessage(message);
    if (message.type === 'welcome') {
      log.info({ control: options.identity().controlUrl }, 'online');
      options.onUp?.();
      for (const go of [...waitingForUp]) go();
    }
  };

  const onEnd = (reason: NetportError): void => {
    if (closed) return;
    socket = undefined;
    pulse = undefined;
    if (up) since = new Date();
    up = false;
    for (const { reject } of pending.values()) reject(reason);
    pending.clear();
    const delay = backoff(attempt, random);
    attempt += 1;
    // What the control server ends in good order needs nobody to do anything.
    const advice = reason.code === 'draining' ? 'It is begun again.' : reason.help;
    log.warn({ code: reason.code, retryMs: Math.round(delay) }, `control session down: ${reason.message}. ${advice}`);
    options.onDown?.(reason);
    retry = setTimeout(connect, delay);
  };

  const connect = (): void => {
    const { trust, proxy } = options;
    connectSocket({ identity: options.identity(), trust: trust(), proxy }).then(
      (connected) => {
        if (closed) return void connected.terminate();
        socket = connected;
        pulse = attend(socket, { onOpen: (current) => current.send(JSON.stringify(options.hello())), onText, onEnd });
      },
      (error) => onEnd(asNetportError(error, 'unavailable')),
    );
  };

  /** Resolves when there is a session, or when there has been none for a while. */
  const whenUp = async (): Promise<void> => {
    const left = since.getTime() + limits.controlReturnGrace - Date.now();
    if (up || closed || left <= 0) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        waitingForUp.delete(done);
        resolve();
      };
      const timer = setTimeout(done, left);
      waitingForUp.add(done);
    });
  };

  const ask = <Answer extends In>(message: Request<Out>): Promise<Answer> =>
    new Promise<Answer>((resolve, reject) => {
      const id = nextId++;
      const timer = setTimeout(() => {
        pending.delete(id);
        reject(new NetportError('unavailable', 'the control server did not answer in time'));
      }, limits.controlRequestTimeout);
      const settle =
        <T>(then: (value: T) => void) =>
        (value: T): void => {
          clearTimeout(timer);
          then(value);
        };
      pending.set(id, { resolve: settle(resolve as (answer: In) => void), reject: settle(reject) });
      if (!send({ ...message, id } as unknown as Out)) {
        pending.delete(id);
        settle(reject)(new NetportError('unavailable', 'there is no session with the control server now'));
      }
    });

  connect();
  return {
    get up() {
      return up;
    },
    get since() {
      return since;
    },
    get starts() {
      return starts;
    },
    send,
    request: async <Answer extends In>(message: Request<Out>) => {
      await whenUp();
      return ask<Answer>(message);
    },
    check: () => pulse?.check(),
    close: async () => {
      closed = true;
      up = false;
      for (const go of [...waitingForUp]) go();
      clearTimeout(retry);
      for (const { reject } of pending.values()) reject(new NetportError('draining', 'this process is shutting down'));
      pending.clear();
      const last = socket;
      if (!last || last.readyState === WebSocket.CLOSED) return;
      await new Promise<void>((resolve) => {
        last.once('close', () => resolve());
        last.close(1000);
        setTimeout(() => last.terminate(), 1000).unref();
      });
    },
  };
}

/** What an `error` message of either end says, as the error that it reports. */
export const errorOf = (message: Envelope): NetportError => {
  const { code, message: text } = message as unknown as { code: ErrorCode; message: string };
  return new NetportError(code, text);
};

/** Certificates are refused by a clock that is far off, so say so while the session still works. */
function warnOfClock(welcome: Envelope, log: Logger): void {
  const { time } = welcome as unknown as { time: string };
  const skew = Date.now() - Date.parse(time);
  if (Math.abs(skew) > limits.clockWarning) {
    const side = skew > 0 ? 'ahead of' : 'behind';
    log.warn(`the clock here is ${Math.round(Math.abs(skew) / 1000)} s ${side} the control server's: check both`);
  }
}
