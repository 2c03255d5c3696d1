import { randomUUID } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { circuitIdSchema, type Protocol, pairIdSchema, type StreamHead } from '@netport/protocol';
import { secure } from '../path/secure.js';
import { openH2Tunnel } from '../tunnel/h2.js';
import { memoryTunnels } from '../tunnel/memory.js';
import { openQuicTunnel } from '../tunnel/quic/open.js';
import type { Tunnel, TunnelContext, TunnelHandlers } from '../tunnel/tunnel.js';
import { datagramPaths } from './datagram-paths.js';
import { issue, newAuthority, spiffeId, trustIn } from './identities.js';
import { unavailable } from './quic.js';
import { socketPair } from './sockets.js';

const a = spiffeId('a');
const b = spiffeId('b');

export const headOf = (protocol: Protocol): StreamHead => ({
  pair: pairIdSchema.parse(randomUUID()),
  protocol,
  source: '127.0.0.1:50312',
});

/** Portal a is the client, portal b the server. */
export const contextOf = (role: TunnelContext['role']): TunnelContext => ({
  peer: role === 'client' ? b : a,
  role,
  transport: 'tcp',
  serial: '01',
  root: '',
  relay: 'r1',
  circuitId: circuitIdSchema.parse(randomUUID()),
});

interface SecurePair {
  near: TLSSocket;
  far: TLSSocket;
  /** The middle neither reads nor closes any more, as a vanished relay. */
  mute(): void;
  /** The middle closes both connections. */
  sever(how: 'end' | 'resetAndDestroy'): void;
}

/** Both ends of a TLS session through a middle. */
export async function securePair(): Promise<SecurePair> {
  const authority = await newAuthority();
  const [near, one] = await socketPair(false);
  const [far, other] = await socketPair(false);
  one.pipe(other).pipe(one);
  const common = { trust: trustIn(authority), now: () => new Date() };
  const ends = await Promise.all([
    secure({ ...common, socket: near, role: 'client', identity: await issue(authority, a), peer: b }),
    secure({ ...common, socket: far, role: 'server', identity: await issue(authority, b), peer: a }),
  ]);
  const mute = (): void => {
    one.unpipe(other).pause();
    other.unpipe(one).pause();
  };
  const sever: SecurePair['sever'] = (how) => {
    for (const socket of [one, other]) socket[how]();
  };
  return { near: ends[0].socket, far: ends[1].socket, mute, sever };
}

export interface TunnelPair {
  client: Tunnel;
  server: Tunnel;
}
export type MakeTunnels = (handlers: TunnelHandlers) => Promise<TunnelPair>;

const overMemory: MakeTunnels = async (handlers) =>
  memoryTunnels({ client: contextOf('client'), server: contextOf('server'), ...handlers });

const overH2: MakeTunnels = async (handlers) => {
  const { near, far } = await securePair();
  const [client, server] = await Promise.all([
    openH2Tunnel({ socket: near, context: contextOf('client'), ...handlers }),
    openH2Tunnel({ socket: far, context: contextOf('server'), ...handlers }),
  ]);
  return { client, server };
};

const overQuic: MakeTunnels = async (handlers) => {
  const authority = await newAuthority();
  const common = { ...handlers, trust: trustIn(authority), now: () => new Date() };
  const [near, far] = datagramPaths();
  const [client, server] = await Promise.all([
    openQuicTunnel({ ...common, path: near, context: contextOf('client'), identity: await issue(authority, a) }),
    openQuicTunnel({ ...common, path: far, context: contextOf('server'), identity: await issue(authority, b) }),
  ]);
  return { client, server };
};

/** What every promise of a tunnel is tested over. */
export const implementations: [name: string, make: MakeTunnels][] = [
  ['memory', overMemory],
  ['h2', overH2],
  ...(unavailable === undefined ? [['quic', overQuic] satisfies [string, MakeTunnels]] : []),
];
