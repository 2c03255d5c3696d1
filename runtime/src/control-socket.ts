import type { Trust } from '@netport/pki';
import { controlSubprotocol, isErrorCode, limits, NetportError } from '@netport/protocol';
import { WebSocket } from 'ws';
import { connectControl } from './control-connection.js';
import { problem } from './enrolment.js';
import type { StoredIdentity } from './identity.js';

export interface ControlSocketOptions {
  identity: StoredIdentity;
  trust: Trust;
  /** An HTTP proxy on the way. */
  proxy?: URL | undefined;
}

/** A WebSocket that is yet to be opened, on a connection to the server that it should be. */
export async function connectSocket({ identity, trust, proxy }: ControlSocketOptions): Promise<WebSocket> {
  const { controlUrl: url, trustDomain } = identity;
  const connection = await connectControl({ url, trust, trustDomain, credentials: identity, proxy });
  return new WebSocket(`${url.replace(/^https/, 'wss')}/control`, controlSubprotocol, {
    createConnection: () => connection,
    maxPayload: limits.controlMessageBytes,
    handshakeTimeout: limits.controlConnectTimeout,
    perMessageDeflate: false,
  });
}

/**
 * Opens a control session with an identity and ends it before the first message: the session that stands with another
 * certificate of the same identity goes on. Throws what the control server refuses it with, or `unavailable`.
 */
export async function tryControlSession(options: ControlSocketOptions): Promise<void> {
  const socket = await connectSocket(options);
  let opened = false;
  await new Promise<void>((resolve, reject) => {
    const onOpen = (): void => {
      opened = true;
      socket.close(1000);
      setTimeout(() => socket.terminate(), 1000).unref();
    };
    attend(socket, { onOpen, onText: () => {}, onEnd: (reason) => (opened ? resolve() : reject(reason)) });
  });
}

export interface Pulse {
  /** Where the other end is not heard within `controlCheckTimeout`, the socket ends. */
  check(): void;
}

/** Wires one WebSocket: exactly one `onEnd`, and pings that notice a peer that is gone without a word. */
export function attend(
  socket: WebSocket,
  handlers: {
    onOpen: (socket: WebSocket) => void;
    onText: (socket: WebSocket, text: string) => void;
    onEnd: (reason: NetportError) => void;
  },
): Pulse {
  // The first cause counts: what follows it are its consequences.
  let reason: NetportError | undefined;
  let heard = performance.now();
  let checking: NodeJS.Timeout | undefined;
  const hear = (): void => {
    heard = performance.now();
    clearTimeout(checking);
    checking = undefined;
  };
  const giveUp = (): void => {
    reason ??= new NetportError('unavailable', 'the control server went silent');
    socket.terminate();
  };
  const watch = setInterval(() => {
    if (performance.now() - heard > limits.controlSilence) {
      giveUp();
    } else if (socket.readyState === WebSocket.OPEN) {
      socket.ping();
    }
  }, limits.controlPingInterval);

  socket.on('open', () => handlers.onOpen(socket));
  socket.on('message', (data) => {
    hear();
    handlers.onText(socket, data.toString());
  });
  socket.on('ping', hear).on('pong', hear);
  socket.on('unexpected-response', (_request, response) => {
    let body = '';
    response.setEncoding('utf8').on('data', (chunk: string) => {
      body = (body + chunk).slice(0, limits.apiBodyBytes);
    });
    response.on('end', () => {
      reason ??= problem({ status: response.statusCode ?? 0, body });
      socket.terminate();
    });
  });
  socket.on('error', (error) => {
    reason ??= new NetportError('unavailable', error.message, { cause: error });
  });
  socket.on('close', (code, text) => {
    clearInterval(watch);
    clearTimeout(checking);
    handlers.onEnd(reason ?? closeReason(code, text.toString()));
  });
  return {
    check: () => {
      if (checking || socket.readyState !== WebSocket.OPEN) return;
      socket.ping();
      checking = setTimeout(giveUp, limits.controlCheckTimeout);
    },
  };
}

/** The control server closes with `<code>: <sentence>`, where it has a reason to. */
function closeReason(code: number, text: string): NetportError {
  const [, errorCode, sentence] = /^(\w+): (.*)$/s.exec(text) ?? [];
  if (isErrorCode(errorCode)) return new NetportError(errorCode, sentence ?? '');
  return new NetportError('unavailable', `the control server closed the session (${code})`);
}
