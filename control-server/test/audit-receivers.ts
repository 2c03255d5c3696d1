import { createHmac, timingSafeEqual } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { type AuditEventView, auditEventSchema } from '@netport/protocol';
import { parseSyslog, takeFrames } from './syslog-parser.js';

/** `refuse`: takes nothing. `forget`: takes all of a batch, and dies before it says so. */
export type Mood = 'takes' | 'refuse' | 'forget';

/** Somebody that audit events are sent to: a real one, that can fail and come back on its port. */
export interface Receiver {
  port: number;
  /** As they came, those that came twice too. */
  events: AuditEventView[];
  mood: Mood;
  failures: number;
  /** What came that is none of what it should be. */
  faults: unknown[];
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface TlsIdentity {
  key: string;
  cert: string;
}

function receiver(make: (own: Receiver, reset: (socket: Socket) => void) => Server): Receiver {
  const sockets = new Set<Socket>();
  let server: Server;
  // TLS runs over a socket of its own, which cannot be reset itself.
  const reset = ({ remotePort }: Socket): void => {
    own.failures += 1;
    for (const socket of sockets) if (socket.remotePort === remotePort) socket.resetAndDestroy();
  };
  const own: Receiver = {
    ...{ port: 0, events: [], mood: 'takes', failures: 0, faults: [] },
    start: async () => {
      server = make(own, reset);
      server.on('connection', (socket: Socket) => {
        sockets.add(socket);
        socket.on('error', () => {}).on('close', () => sockets.delete(socket));
      });
      server.listen(own.port, '127.0.0.1');
      await once(server, 'listening');
      own.port = (server.address() as AddressInfo).port;
    },
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return own;
}

/** RFC 6587, octet counting; with TLS RFC 5425. */
export const syslogReceiver = (tls?: TlsIdentity): Receiver =>
  receiver((own, reset) => {
    const serve = (socket: Socket): void => {
      let rest: Buffer = Buffer.alloc(0);
      socket.on('error', () => {});
      socket.on('data', (chunk: Buffer) => {
        if (own.mood === 'refuse') return reset(socket);
        try {
          rest = takeFrames(Buffer.concat([rest, chunk]), (message) => own.events.push(eventIn(message)));
        } catch (error) {
          own.faults.push(error);
        }
        if (own.mood === 'forget') reset(socket);
      });
      socket.on('end', () => {
        if (rest.length > 0) own.faults.push(`cut off: ${rest}`);
      });
    };
    return tls ? createTlsServer(tls, serve) : createServer(serve);
  });

function eventIn(message: Buffer): AuditEventView {
  const { text, data, msgId } = parseSyslog(message);
  const event = auditEventSchema.parse(JSON.parse(text));
  const { id, hash } = data['netport@32473'] ?? {};
  if (String(event.id) !== id || event.hash !== hash || msgId !== event.action) throw new Error('not the same event');
  return event;
}

/** Checks the signature as docs/audit.md tells it. */
export const webhookReceiver = (tls: TlsIdentity, secret: string): Receiver =>
  receiver((own, reset) =>
    createHttpsServer(tls, async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const body = Buffer.concat(chunks);
      const wanted = Buffer.from(`sha256=${createHmac('sha256', secret).update(body).digest('hex')}`);
      const signature = Buffer.from(String(request.headers['netport-signature']));
      const isSigned = signature.length === wanted.length && timingSafeEqual(signature, wanted);
      if (!isSigned || request.method !== 'POST' || request.headers['content-type'] !== 'application/json') {
        own.faults.push(request.headers);
      }
      if (own.mood !== 'refuse') {
        const { events } = JSON.parse(body.toString()) as { events: unknown[] };
        own.events.push(...events.map((event) => auditEventSchema.parse(event)));
      }
      if (own.mood === 'takes') return void response.writeHead(204).end();
      if (own.mood === 'forget') return reset(request.socket);
      own.failures += 1;
      response.writeHead(503).end('not now');
    }),
  );

/** RFC 5426. */
export async function datagramReceiver(): Promise<{ port: number; messages: Buffer[]; stop(): void }> {
  const socket = createSocket('udp4');
  const messages: Buffer[] = [];
  socket.on('message', (message) => messages.push(message));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { port: socket.address().port, messages, stop: () => void socket.close() };
}
