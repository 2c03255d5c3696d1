import type { ClientHttp2Stream, Http2Stream, IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import {
  acceptFields,
  asNetportError,
  decodeAnswer,
  decodeStreamHead,
  type ErrorCode,
  encodeRejection,
  limits,
  NetportError,
} from '@netport/protocol';
import { CapsuleFlow, type FlowQueue } from './capsule-flow.js';
import { cancelled, connectionReset, noError, refusedStream } from './h2-settings.js';
import type { TunnelHandlers, TunnelStream } from './tunnel.js';

/** Errors arrive as a 'close' too, where they are handled; a stream without a listener would end the process. */
const heardAtClose = (): void => {};

/** Sends RST_STREAM with a code; a client may not always do so itself. */
export type Reset = (stream: Http2Stream, code: number) => void;
const atOnce: Reset = (stream, code) => stream.close(code);

/** Streams that this end has reset. */
const brokenOff = new WeakSet<Http2Stream>();

/** Breaks a stream off, so that the other end sees a reset and never an end. */
export function breakOff(stream: Http2Stream, reset: Reset = atOnce): void {
  if (stream.destroyed || brokenOff.has(stream)) return;
  brokenOff.add(stream);
  // node:http2 sends END_STREAM before RST_STREAM, and a cut-off transfer would look whole: nothing is ended here.
  stream._final = (done) => done();
  // Nor with the last bytes: a tick after each write it looks whether it was the last one. What is corked is not written any more,
  // and what was written in this tick is looked at before the stream is closed.
  stream._write = (_chunk, _encoding, done) => done();
  stream._writev = (_chunks, done) => done();
  process.nextTick(() => {
    if (!stream.destroyed) reset(stream, connectionReset);
  });
}

export const tunnelStream = (stream: Http2Stream, reset: Reset): TunnelStream => ({
  bytes: stream,
  // node:http2 ends both directions of a stream that was reset, as if that were in order: only the code tells.
  get broken() {
    return brokenOff.has(stream) || (stream.rstCode ?? noError) !== noError || stream.aborted;
  },
  reset: () => breakOff(stream, reset),
});

/** What the peer answers to a CONNECT request: resolves when it accepted, rejects with why not. */
export function awaitAnswer(stream: ClientHttp2Stream, reset: Reset, abandon?: AbortSignal): Promise<void> {
  stream.on('error', heardAtClose);
  return new Promise((resolve, reject) => {
    const giveUp = (): void => {
      reset(stream, cancelled);
      reject(new NetportError('tunnel_lost', 'given up before the peer had answered'));
    };
    abandon?.addEventListener('abort', giveUp, { once: true });
    const timer = setTimeout(giveUp, limits.tunnelSetupTimeout);
    const settled = (): void => {
      clearTimeout(timer);
      abandon?.removeEventListener('abort', giveUp);
    };
    stream.once('response', (fields) => {
      settled();
      const refusal = decodeAnswer(fields);
      if (!refusal) return resolve();
      // Ended, not reset: an HTTP/2 server gives a session up that resets many streams.
      stream.resume();
      stream.end();
      reject(refusal);
    });
    stream.once('close', () => {
      settled();
      reject(
        stream.rstCode === refusedStream
          ? new NetportError('draining', 'the peer takes no more streams on this tunnel')
          : new NetportError('tunnel_lost', 'the stream ended before the peer had answered'),
      );
    });
  });
}

/** Hands a CONNECT request of the peer to its handler; answers anything else itself. */
export function receiveStream(
  stream: ServerHttp2Stream,
  fields: IncomingHttpHeaders,
  handlers: TunnelHandlers,
  queue: FlowQueue,
): void {
  stream.on('error', heardAtClose);
  const abandoned = new AbortController();
  stream.once('close', () => abandoned.abort());
  const reject = (error: NetportError): void => {
    if (stream.destroyed || stream.headersSent) return;
    stream.respond(encodeRejection(error.code, error.message), { endStream: true });
    // RFC 9113 §8.1: tells a peer that still sends that nobody reads it.
    stream.close(noError);
  };
  try {
    const head = decodeStreamHead(fields);
    const accept = (): void => {
      if (!stream.destroyed) stream.respond(acceptFields(head));
      // Untouched, a server's stream would be closed whole when its writing ends.
      stream.pause();
    };
    const incoming = {
      head,
      abandoned: abandoned.signal,
      reject: (code: ErrorCode, message: string) => reject(new NetportError(code, message)),
    };
    if (head.protocol === 'udp') {
      handlers.onFlow({
        ...incoming,
        accept: () => {
          accept();
          return new CapsuleFlow(stream, queue, () => breakOff(stream));
        },
      });
    } else {
      handlers.onStream({
        ...incoming,
        accept: () => {
          accept();
          return tunnelStream(stream, atOnce);
        },
      });
    }
  } catch (thrown) {
    reject(asNetportError(thrown));
  }
}
