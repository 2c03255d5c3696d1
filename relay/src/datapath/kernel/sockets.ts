import type { Server, Socket } from 'node:net';
import { loadAddon } from '@netport/addon';
import { descriptorOf } from '@netport/dataplane';

/** A leg's connection as the kernel had it when it was frozen. Sequence numbers and timestamps are modulo 2^32. */
export interface FrozenState {
  /** TCP_ESTABLISHED is 1 (linux: include/net/tcp_states.h). */
  state: number;
  /** What both ends agreed on: `tcpOptions`. */
  options: number;
  /** What it sends next, and what it expects next. */
  sndSeq: number;
  rcvSeq: number;
  /** Windows in bytes, of the peer and of this end, as TCP_REPAIR_WINDOW gives them. */
  sndWl1: number;
  sndWnd: number;
  maxWindow: number;
  rcvWnd: number;
  rcvWup: number;
  /** What would stand in a segment that it sends now. */
  timestamp: number;
  /** Shifts of the window in segments from the peer, and in segments to it. 0 without window scaling. */
  sndWscale: number;
  rcvWscale: number;
  /** Bytes of data in a segment, at most: in what it sends at present, and in what it told the peer that it takes. */
  sndMss: number;
  advMss: number;
  /** What it takes for the size of the peer's segments, from those that came. */
  rcvMss: number;
  /** The MSS option of the peer, or TCP_MAXSEG where that is less; TCP options are not taken off (RFC 9293 §3.7.1). */
  peerMss: number;
  pmtu: number;
  /** Segments that the peer has not acknowledged. */
  unackedSegments: number;
  /** Bytes that nobody has read, and bytes that the peer has not acknowledged. */
  unread: number;
  unsent: number;
}

/** linux: include/uapi/linux/tcp.h TCPI_OPT_* */
export const tcpOptions = { timestamps: 1, sack: 2, wscale: 4, ecn: 8, synData: 32 } as const;

/** relay/native: everything is synchronous; errors have the errno's name as their code. */
interface Native {
  setMaxSegment(fd: number, bytes: number): void;
  freeze(fd: number): FrozenState;
  thaw(fd: number): void;
  openRaw(version: 4 | 6): number;
  sendRaw(fd: number, packet: Uint8Array): void;
  closeRaw(fd: number): void;
}

const loaded = loadAddon<Native>(new URL('../../../build/', import.meta.url), 'legs.node');

/** Why there is no addon here, or undefined where there is. Privileges are not looked at: the kernel says EPERM. */
export const unavailable: string | undefined = 'reason' in loaded ? loaded.reason : undefined;

function native(): Native {
  if ('addon' in loaded) return loaded.addon;
  throw Object.assign(new Error(`the relay's addon is unavailable: ${loaded.reason}`), { code: 'ENOSYS' });
}

/** There is no other way to a socket option that Node does not know. Throws EBADF for a socket that is closed. */
function descriptor(socket: Server | Socket): number {
  const fd = descriptorOf(socket);
  if (fd !== undefined) return fd;
  throw Object.assign(new Error('the socket has no file descriptor: it is closed'), { code: 'EBADF' });
}

/** What a listener announces as its MSS, and sends at most, on connections that come from now on. EINVAL below 88 bytes. */
export const setMaxSegment = (server: Server, bytes: number): void => native().setMaxSegment(descriptor(server), bytes);

/**
 * Reads the state of a connection and leaves it in repair mode (TCP_REPAIR): it sends nothing of its own, and closing it
 * tells the peer nothing. Again on a frozen one, it reads again. After an error it is not frozen. EPERM without CAP_NET_ADMIN.
 */
export const freeze = (socket: Socket): FrozenState => native().freeze(descriptor(socket));

/** Leaves repair mode: the connection goes on as if nothing had been. */
export const thaw = (socket: Socket): void => native().thaw(descriptor(socket));

/** Sends IP packets as they stand: `encodeSegment`. */
export interface RawSender {
  /** To where its header says. Throws ENETUNREACH, EPERM (a packet filter), ENOBUFS, … */
  send(packet: Uint8Array): void;
  close(): void;
}

/** EPERM without CAP_NET_RAW. A machine without IPv6 gets a sender without IPv6. */
export function openRawSender(): RawSender {
  const addon = native();
  const v4 = addon.openRaw(4);
  let v6: number | undefined;
  try {
    v6 = addon.openRaw(6);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAFNOSUPPORT') {
      addon.closeRaw(v4);
      throw error;
    }
  }
  return {
    // A machine without IPv6 has no leg over IPv6: EINVAL from the IPv4 socket would say so.
    send: (packet) => addon.sendRaw((packet[0] ?? 0) >> 4 === 6 && v6 !== undefined ? v6 : v4, packet),
    close: () => {
      addon.closeRaw(v4);
      if (v6 !== undefined) addon.closeRaw(v6);
    },
  };
}
