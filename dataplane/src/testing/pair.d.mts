import type { UdpSocket, UdpSocketOptions } from '../index.js';

type Options = Omit<UdpSocketOptions, 'address' | 'port' | 'localPort'>;
export function freePort(address?: string): Promise<number>;
export function openPair(near: Options, far: Options, address?: string): Promise<[UdpSocket, UdpSocket]>;
export function until<T>(condition: () => T): Promise<T>;
