import { answeredId, asNetportError, type ErrorCode, limits, messageId, NetportError } from '@netport/protocol';
import { errorOf, type Logger } from '@netport/runtime';
import { WebSocket } from 'ws';
import { RateLimit } from '../rate-limit.js';

interface Envelope {
  type: string;
  id?: number | undefined;
}

/** A request, before it has its id. */
type WithoutId<Message> = Message extends { id: number } ? Omit<Message, 'id'> : never;

export interface SessionOptions<In extends Envelope> {
  socket: WebSocket;
  /** Throws NetportError on anything that is no message of the set. */
  decode: (text: string) => In;
  /** The first message; nothing else is accepted before it. */
  onHello: (message: Extract<In, { type: 'hello' }>) => void;
  /** Every later message but the answers to requests. */
  onMessage: (message: In) => void;
  /** Exactly once. */
  onEnd: () => void;
  log: Logger;
}

/** WebSocket close codes (RFC 6455 §7.4). The reason says more: `<code>: <sentence>`. */
const closeCodes = { draining: 1001, violation: 1008, expelled: 4003, replaced: 4009 } as const;

/** A peer that does not answer the close by then is cut off. */
const closeGrace = 1000;

/** What can be done with a session without knowing its messages. */
export interface Closable {
  close(kind: keyof typeof closeCodes, code: ErrorCode, message: string): void;
  readonly ended: Promise<void>;
}

/** This server's end of one control session: bounded in size, rate, silence and send buffer. */
export class Session<In extends Envelope, Out extends Envelope> implements Closable {
  /** Resolves after `onEnd`. */
  readonly ended: Promise<void>;
  readonly #socket: WebSocket;
  readonly #options: SessionOptions<In>;
  readonly #pending = new Map<number, { resolve: (answer: In) => void; reject: (error: NetportError) => void }>();
  readonly #rate: RateLimit;
  readonly #watch: NodeJS.Timeout;
  readonly #helloTimer: NodeJS.Timeout;
  #heard = performance.now();
  #greeted = false;
  #nextId = 1;

  constructor(options: SessionOptions<In>) {
    this.#options = options;
    this.#socket = options.socket;
    const perSecond = limits.controlMessagesPerSecond;
    this.#rate = new RateLimit({ burst: perSecond * 10, perSecond, now: this.#heard });
    this.#helloTimer = setTimeout(
      () => this.#violation(new NetportError('protocol_error', 'no hello in time')),
      limits.controlHelloTimeout,
    );
    this.#watch = setInterval(() => this.#checkAlive(), limits.controlPingInterval);
    this.#socket
      .on('message', (data, binary) => this.#receive(data.toString(), binary))
      .on('ping', () => this.#hear())
      .on('pong', () => this.#hear())
      .on('error', (error) => options.log.debug({ err: error }, 'control session error'));
    this.ended = new Promise((resolve) => {
      this.#socket.on('close', () => {
        this.#end();
        resolve();
      });
    });
  }

  /** False when the session is over, or now is because its peer reads nothing. */
  send(message: Out): boolean {
    if (this.#socket.readyState !== WebSocket.OPEN) return false;
    if (this.#socket.bufferedAmount > limits.controlSendBufferBytes) {
      this.#options.log.warn('control session dropped: the peer does not read');
      this.#socket.terminate();
      return false;
    }
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /** Sends a message with a new id and resolves with its answer. Rejects with the peer's error, or `unavailable`. */
  request<Answer extends In>(message: WithoutId<Out>, timeout: number): Promise<Answer> {
    return new Promise<Answer>((resolve, reject) => {
      const id = this.#nextId++;
      const settle = (): void => {
        clearTimeout(timer);
        this.#pending.delete(id);
      };
      const fail = (error: NetportError): void => {
        settle();
        reject(error);
      };
      const timer = setTimeout(() => fail(new NetportError('unavailable', 'the peer did not answer in time')), timeout);
      this.#pending.set(id, {
        resolve: (answer) => {
          settle();
          resolve(answer as Answer);
        },
        reject: fail,
      });
      const sent = this.send({ ...message, id } as unknown as Out);
      if (!sent) fail(new NetportError('unavailable', 'the session is over'));
    });
  }

  /** Ends the session: a newer one took its place, its identity is gone, or the server stops. */
  close(kind: keyof typeof closeCodes, code: ErrorCode, message: string): void {
    // A reason has at most 123 bytes.
    this.#socket.close(closeCodes[kind], `${code}: ${message}`.replace(/[^\x20-\x7e]/g, '?').slice(0, 120));
    setTimeout(() => this.#socket.terminate(), closeGrace).unref();
  }

  #receive(text: string, binary: boolean): void {
    this.#hear();
    if (this.#socket.readyState !== WebSocket.OPEN) return;
    if (!this.#rate.take(performance.now())) {
      this.#violation(new NetportError('rate_limited', 'too many messages'));
      return;
    }
    const message = this.#decode(text, binary);
    if (!message) return;
    if (this.#greeted) this.#dispatch(message);
    else this.#greet(message);
  }

  #greet(message: In): void {
    if (message.type !== 'hello') {
      this.#violation(new NetportError('protocol_error', 'the first message must be hello'));
      return;
    }
    this.#greeted = true;
    clearTimeout(this.#helloTimer);
    this.#options.onHello(message as Extract<In, { type: 'hello' }>);
  }

  #dispatch(message: In): void {
    const id = answeredId(message);
    const waiting = id === undefined ? undefined : this.#pending.get(id);
    if (message.type === 'hello') this.#refuse(new NetportError('protocol_error', 'hello was said already'));
    else if (!waiting) this.#options.onMessage(message);
    else if (message.type === 'error') waiting.reject(errorOf(message));
    else waiting.resolve(message);
  }

  #decode(text: string, binary: boolean): In | undefined {
    try {
      if (binary) throw new NetportError('protocol_error', 'messages are text');
      return this.#options.decode(text);
    } catch (thrown) {
      this.#refuse(asNetportError(thrown, 'protocol_error'), messageId(text));
      return undefined;
    }
  }

  #refuse(error: NetportError, id?: number): void {
    this.#options.log.warn({ code: error.code }, `control message refused: ${error.message}`);
    const message = error.message.slice(0, 1024);
    this.send({ type: 'error', ...(id !== undefined && { id }), code: error.code, message } as unknown as Out);
  }

  #violation(error: NetportError): void {
    this.#options.log.warn({ code: error.code }, `control session ended: ${error.message}`);
    this.close('violation', error.code, error.message);
  }

  #hear(): void {
    this.#heard = performance.now();
  }

  #checkAlive(): void {
    if (performance.now() - this.#heard > limits.controlSilence) this.#socket.terminate();
    else if (this.#socket.readyState === WebSocket.OPEN) this.#socket.ping();
  }

  #end(): void {
    clearInterval(this.#watch);
    clearTimeout(this.#helloTimer);
    for (const { reject } of this.#pending.values()) reject(new NetportError('unavailable', 'the session ended'));
    this.#options.onEnd();
  }
}
