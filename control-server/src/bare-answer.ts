import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { securityHeaders } from './security-headers.js';

/** Answers on a bare socket, where HTTP has given up or was left by an upgrade, and closes it, whatever else still comes. */
export function answerBare(socket: Duplex, status: number, { type, text }: { type: string; text: string }): void {
  const fields = {
    connection: 'close',
    'content-type': type,
    'content-length': Buffer.byteLength(text),
    ...securityHeaders,
  };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n${text}`, () =>
    socket.destroy(),
  );
}
