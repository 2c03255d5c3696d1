import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { limits, NetportError } from '@netport/protocol';
import type { Deliver } from './sink.js';
import { syslogMessage } from './syslog.js';

export interface SyslogReceiver {
  transport: 'udp' | 'tcp' | 'tls';
  host: string;
  port: number;
}

/** RFC 5426, RFC 6587 and RFC 5425 have their own. */
const defaultPorts: Record<string, number> = { udp: 514, tcp: 514, tls: 6514 };

/** `udp://HOST[:PORT]`, or `tcp` or `tls`. Throws `invalid_request`. */
export function parseSyslogUrl(text: string): SyslogReceiver {
  const { protocol, hostname, port, pathname, search, hash, username } = URL.canParse(text)
    ? new URL(text)
    : new URL('x:');
  const transport = protocol.slice(0, -1);
  const defaultPort = defaultPorts[transport];
  const more = pathname.slice(1) + search + hash + username;
  if (defaultPort === undefined || hostname === '' || more !== '') {
    throw new NetportError(
      'invalid_request',
      `"${text}" is not udp://HOST[:PORT], tcp://HOST[:PORT] or tls://HOST[:PORT]`,
    );
  }
  const host = hostname.replace(/^\[|\]$/g, '');
  return { transport: transport as SyslogReceiver['transport'], host, port: Number(port || defaultPort) };
}

/** Sends events to a syslog receiver; `ca` instead of the system's authorities. */
export function syslogDelivery(receiver: SyslogReceiver, hostname: string, ca: string | undefined): Deliver {
  const send = receiver.transport === 'udp' ? sendDatagrams : sendFrames;
  return (events, signal) => {
    const messages = events.map((event) => Buffer.from(syslogMessage(event, hostname)));
    return send(receiver, messages, signal, ca);
  };
}

/** RFC 5426: one message a datagram, and nobody says that it came. */
async function sendDatagrams({ host, port }: SyslogReceiver, messages: readonly Buffer[], signal: AbortSignal) {
  const { address, family } = await lookup(host);
  const socket = createSocket({ type: family === 6 ? 'udp6' : 'udp4', signal });
  // An earlier datagram was refused, as ICMP says.
  let refused: Error | undefined;
  socket.on('error', (error) => {
    refused ??= error;
  });
  try {
    socket.connect(port, address);
    await once(socket, 'connect', { signal });
    for (const message of messages) {
      const datagram = message.subarray(0, limits.syslogDatagramBytes);
      await new Promise<void>((resolve, reject) =>
        socket.send(datagram, (error) => (error ? reject(error) : resolve())),
      );
    }
    if (refused) throw refused;
  } finally {
    if (!signal.aborted) socket.close();
  }
}

/**
 * RFC 6587 §3.4.1 and RFC 5425: each message after its length. Neither has an acknowledgement, so each batch has a connection of
 * its own: a receiver that closes it in order, after we did, has read to its end.
 */
function sendFrames(
  { transport, host, port }: SyslogReceiver,
  messages: readonly Buffer[],
  signal: AbortSignal,
  ca: string | undefined,
): Promise<void> {
  const frames = Buffer.concat(messages.flatMap((message) => [Buffer.from(`${message.length} `), message]));
  return new Promise((resolve, reject) => {
    const socket =
      transport === 'tls' ? connectTls({ host, port, ...(ca !== undefined && { ca }) }) : connect({ host, port });
    const abort = (): void => void socket.destroy(signal.reason);
    let sent = false;
    let taken = false;
    signal.addEventListener('abort', abort);
    socket
      .on('finish', () => {
        sent = true;
      })
      .on('end', () => {
        taken = sent;
      })
      .on('error', reject)
      .on('close', () => {
        signal.removeEventListener('abort', abort);
        if (taken) resolve();
        else reject(new NetportError('unavailable', 'the receiver closed the connection before it had everything'));
      })
      .resume()
      .end(frames);
  });
}
