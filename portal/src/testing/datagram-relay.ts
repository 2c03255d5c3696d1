import { createHmac } from 'node:crypto';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type CircuitId, decodeBind, encodeBindBody, isBind, type Name, toBase64Url, withMac } from '@netport/protocol';
import type { UdpLegOffer } from '../path/udp-leg.js';

const token = new Uint8Array(32).fill(7);

/** A relay with one UDP circuit, that believes every bind and loses what it is told to. */
export interface DatagramRelay {
  offers: [UdpLegOffer, UdpLegOffer];
  /** Its machine is there no more: nothing is answered, and no port is reported as closed. */
  vanish(): void;
  /** Its process is there no more, but its machine is. Harmless when repeated. */
  close(): Promise<void>;
}

export async function datagramRelay(
  circuitId: CircuitId,
  name: string,
  lose: () => boolean = () => false,
): Promise<DatagramRelay> {
  const ports = [createSocket('udp4').bind(0, '127.0.0.1'), createSocket('udp4').bind(0, '127.0.0.1')] as const;
  await Promise.all(ports.map((port) => once(port, 'listening')));
  const bound: (RemoteInfo | undefined)[] = [];
  let gone = false;
  let closed = false;

  const onDatagram = (side: 0 | 1, bytes: Buffer, from: RemoteInfo): void => {
    if (gone || lose()) return;
    if (!isBind(bytes)) {
      const to = bound[1 - side];
      if (to) ports[1 - side]?.send(bytes, to.port, to.address);
      return;
    }
    bound[side] = from;
    const kind = bound[1 - side] ? 'joined' : 'waiting';
    const body = encodeBindBody({ kind, circuitId, counter: decodeBind(bytes).counter });
    ports[side].send(withMac(body, createHmac('sha256', token).update(body).digest()), from.port, from.address);
  };
  for (const side of [0, 1] as const) ports[side].on('message', (bytes, from) => onDatagram(side, bytes, from));

  const offer = (port: Socket): UdpLegOffer => ({
    circuitId,
    host: '127.0.0.1',
    port: port.address().port,
    token: toBase64Url(token),
    relay: name as Name,
  });
  return {
    offers: [offer(ports[0]), offer(ports[1])],
    vanish: () => {
      gone = true;
    },
    close: async () => {
      if (closed) return;
      closed = true;
      await Promise.all(ports.map((port) => new Promise<void>((resolve) => port.close(() => resolve()))));
    },
  };
}
