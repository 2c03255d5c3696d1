import { loadAddon } from '@netport/addon';

declare const kind: unique symbol;
/** An open socket, which the event loop keeps until it is closed. */
export interface Handle {
  readonly [kind]: 'udp';
}

type Open = (
  address: string,
  port: number,
  localPort: number,
  receiveBuffer: number,
  sendBuffer: number,
  onReadable: () => void,
) => Handle;

/** What the addon does: everything is synchronous, sizes are checked there; errors have the errno's name as their code. */
interface Native {
  open: Open;
  listen: Open;
  name(socket: Handle): { address: string; port: number };
  close(socket: Handle): void;
  describe(name: Uint8Array): { address: string; port: number };
  receive(socket: Handle, slab: Uint8Array, shapes: Uint8Array, messages: number, names: Uint8Array): number;
  send(socket: Handle, datagrams: readonly Uint8Array[], count: number, failure: Uint8Array, to: Uint8Array): number;
  setCongestion(fd: number, name: string): void;
  endedInOrder(fd: number): boolean;
}

const loaded = loadAddon<Native>(new URL('../build/', import.meta.url), 'udp.node');

/** Why there is no addon here, or undefined where there is. */
export const unavailable: string | undefined = 'reason' in loaded ? loaded.reason : undefined;

/** The addon; throws ENOSYS where it is unavailable. */
export function native(): Native {
  if ('addon' in loaded) return loaded.addon;
  throw Object.assign(new Error(`batched UDP is unavailable: ${loaded.reason}`), { code: 'ENOSYS' });
}
