import {
  asNetportError,
  decodeQuicAnswer,
  decodeQuicHead,
  type ErrorCode,
  encodeQuicAnswer,
  limits,
  type StreamHead,
} from '@netport/protocol';
import type { TunnelFlow, TunnelHandlers } from '../tunnel.js';
import type { QuicStream } from './stream.js';

/** Resolves when the peer accepted the stream, rejects with why not. */
export async function awaitAnswer(stream: QuicStream, abandon?: AbortSignal): Promise<void> {
  const giveUp = (): void => stream.reset();
  const timer = setTimeout(giveUp, limits.tunnelSetupTimeout);
  abandon?.addEventListener('abort', giveUp, { once: true });
  try {
    const answer = stream.head();
    if (abandon?.aborted) giveUp();
    const refusal = decodeQuicAnswer(await answer);
    if (!refusal) return;
    stream.resume().end();
    throw refusal;
  } catch (thrown) {
    const error = asNetportError(thrown);
    if (error.code === 'protocol_error') stream.reset();
    throw error;
  } finally {
    clearTimeout(timer);
    abandon?.removeEventListener('abort', giveUp);
  }
}

export interface Receiving {
  handlers: TunnelHandlers;
  flowOn(stream: QuicStream): TunnelFlow;
  /** Throws when no stream is taken any more. */
  admit(): void;
}

/** Hands a stream of the peer to its handler once its head is there; answers anything else itself. */
export async function receiveStream(stream: QuicStream, { handlers, flowOn, admit }: Receiving): Promise<void> {
  const abandoned = new AbortController();
  stream.once('close', () => abandoned.abort());
  let answered = false;
  const answer = (refusal?: { code: ErrorCode; message: string }): void => {
    if (answered || stream.destroyed) return;
    answered = true;
    stream.write(encodeQuicAnswer(refusal));
    // Whatever a refused peer still sends is nobody's.
    if (refusal) stream.resume().end();
  };
  try {
    const head: StreamHead = decodeQuicHead(await stream.head());
    admit();
    const incoming = {
      head,
      abandoned: abandoned.signal,
      reject: (code: ErrorCode, message: string) => answer({ code, message }),
    };
    const accepting =
      <T>(make: () => T) =>
      (): T => {
        answer();
        return make();
      };
    if (head.protocol === 'udp') handlers.onFlow({ ...incoming, accept: accepting(() => flowOn(stream)) });
    else handlers.onStream({ ...incoming, accept: accepting(() => stream) });
  } catch (thrown) {
    answer(asNetportError(thrown));
  }
}
