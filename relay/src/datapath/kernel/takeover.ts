import type { Socket } from 'node:net';
import { addressBytes } from './address.js';
import type { FlowKey, Sender } from './layout.js';
import { type Decline, hasChanged, keyOf, type Promotion, type PromotionLeg, promote } from './promotion.js';
import { encodeSegment } from './segment.js';
import { type FrozenState, freeze, type RawSender, thaw } from './sockets.js';

/** The packet path as a takeover needs it. `Installed`: what is handed back to remove the entries. */
export interface TakeoverKernel<Installed> {
  /** What the program recorded of whoever sends to a port of a circuit. */
  sender(key: FlowKey): Sender | undefined;
  /** Whether an address (16 bytes) is one of this machine. */
  isLocal(address: Uint8Array): boolean;
  /** From here on the program forwards the circuit. Undefined where there is no room; throws with nothing installed. */
  install(promotion: Promotion): Installed | undefined;
  remove(installed: Installed): void;
  raw: RawSender;
}

export interface Taken<Installed> extends Promotion {
  installed: Installed;
}

/**
 * Moves both legs into the kernel at once: the program forwards them, the ready marks are sent, the sockets are closed without
 * a word to the portals. Or declines, with both connections as they were. Nothing may be buffered in the sockets.
 */
export function takeOver<Installed>(
  sockets: readonly [Socket, Socket],
  kernel: TakeoverKernel<Installed>,
): Taken<Installed> | Decline {
  if (sockets.some((socket) => socket.destroyed || socket.readableEnded)) return { decline: 'not_established' };
  if (sockets.some((socket) => socket.readableLength > 0)) return { decline: 'unread' };
  if (sockets.some((socket) => socket.writableLength > 0)) return { decline: 'unacked' };
  const frozen: Socket[] = [];
  const look = (socket: Socket): FrozenLeg => {
    const state = freeze(socket);
    frozen.push(socket);
    return { socket, state };
  };
  let result: Taken<Installed> | Decline;
  try {
    result = takeFrozen([look(sockets[0]), look(sockets[1])], kernel);
  } catch (error) {
    result = { decline: 'unsupported', error };
  }
  if ('decline' in result) frozen.forEach(giveBack);
  else for (const socket of frozen) socket.destroy();
  return result;
}

interface FrozenLeg {
  socket: Socket;
  state: FrozenState;
}

function takeFrozen<Installed>(
  legs: readonly [FrozenLeg, FrozenLeg],
  kernel: TakeoverKernel<Installed>,
): Taken<Installed> | Decline {
  const promotion = promote([describe(legs[0], kernel), describe(legs[1], kernel)], kernel.isLocal);
  if ('decline' in promotion) return promotion;
  let installed: Installed | undefined;
  try {
    installed = kernel.install(promotion);
  } catch (error) {
    return { decline: 'map_full', error };
  }
  if (installed === undefined) return { decline: 'map_full' };
  const decline = hasMoved(legs) ?? sendMarks(promotion, kernel.raw);
  if (!decline) return { ...promotion, installed };
  kernel.remove(installed);
  return decline;
}

/** From the installation on, packets do not reach the sockets any more: what came between the first look and then shows. */
function hasMoved(legs: readonly FrozenLeg[]): Decline | undefined {
  try {
    return legs.some(({ socket, state }) => hasChanged(state, freeze(socket))) ? { decline: 'changed' } : undefined;
  } catch (error) {
    return { decline: 'changed', error };
  }
}

/**
 * Before the sockets are closed, so that there is still a way back: they would send the same bytes with the same numbers,
 * which a portal that has them already takes for a repetition.
 */
function sendMarks({ legs }: Promotion, raw: RawSender): Decline | undefined {
  try {
    for (const { mark } of legs) raw.send(encodeSegment(mark));
    return undefined;
  } catch (error) {
    return { decline: 'raw_socket', error };
  }
}

function describe<Installed>(leg: FrozenLeg, kernel: TakeoverKernel<Installed>): PromotionLeg {
  const { localAddress = '', localPort = 0, remoteAddress = '', remotePort = 0 } = leg.socket;
  const ends = {
    local: { address: addressBytes(localAddress), port: localPort },
    remote: { address: addressBytes(remoteAddress), port: remotePort },
  };
  return { ...ends, frozen: leg.state, sender: kernel.sender(keyOf(ends)) };
}

/** Thaws a leg. One that stays frozen could not be used, so it is closed: its owner notices, its portal by silence. */
function giveBack(socket: Socket): void {
  try {
    thaw(socket);
  } catch {
    socket.destroy();
  }
}
