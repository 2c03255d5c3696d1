import { joinDatagrams } from '../datagrams.js';
import type { DatagramJoin, Endpoint, UdpLegs } from '../datapath.js';
import { addressBytes, isMapped } from './address.js';
import { type CircuitTable, type LegEntry, other, type Slot } from './circuit-table.js';
import { type FlowKey, flowFlags, freshLeg, protocols, type Sender } from './layout.js';
import { type DeclineReason, sameVlan } from './promotion.js';

export interface KernelDatagramsOptions {
  table: CircuitTable;
  sender(key: FlowKey): Sender | undefined;
  /** Whether it is an address of this machine. */
  isLocal(address: string): boolean;
  /** The circuit is left to this process for good. */
  onDecline(reason: DeclineReason): void;
  now(): number;
}

/**
 * Forwards between two UDP legs in the kernel, and whatever that passes up in this process: the sockets stay open
 * underneath. A leg that the kernel cannot have takes its circuit out of it.
 */
export function joinInKernel(legs: UdpLegs, options: KernelDatagramsOptions): DatagramJoin {
  const { table, onDecline, now } = options;
  const base = joinDatagrams(legs);
  const peers: [Endpoint, Endpoint] = [...legs.peers];
  const total = { bytes: [0, 0] as [number, number], packets: [0, 0] as [number, number] };
  let slot: Slot | undefined;

  const decline = (reason: DeclineReason) => {
    leave();
    onDecline(reason);
  };
  const leave = () => {
    if (slot === undefined) return;
    const last = table.traffic(slot);
    table.remove(slot);
    slot = undefined;
    Object.assign(total, last);
  };
  const traffic = () => (slot === undefined ? total : table.traffic(slot));

  const first = entries(peers, legs.ports, options);
  if (typeof first === 'string') decline(first);
  else {
    slot = table.add({ circuitId: legs.circuitId, datapath: 'xdp', since: now() }, first);
    if (slot === undefined) decline('map_full');
  }

  return {
    get datapath() {
      return slot === undefined ? 'userspace' : 'xdp';
    },
    counters: () => sum(base.counters(), traffic().bytes),
    packets: () => sum(base.packets() ?? [0, 0], traffic().packets),
    received: base.received,
    move: (leg, peer) => {
      base.move(leg, peer);
      peers[leg] = peer;
      if (slot === undefined) return;
      const moved = entries(peers, legs.ports, options);
      if (typeof moved === 'string') decline(moved);
      else table.move(slot, leg, moved);
    },
    end: () => {
      leave();
      base.end();
    },
    closed: base.closed,
  };
}

function entries(
  peers: readonly [Endpoint, Endpoint],
  ports: readonly [number, number],
  { sender, isLocal }: KernelDatagramsOptions,
): [LegEntry, LegEntry] | DeclineReason {
  const keys = ([0, 1] as const).map((side) => ({
    remote: addressBytes(peers[side].address),
    remotePort: peers[side].port,
    localPort: ports[side],
    protocol: protocols.udp,
  })) as [FlowKey, FlowKey];
  const [a, b] = [sender(keys[0]), sender(keys[1])];
  if (!a || !b) return 'no_record';
  if (isMapped(keys[0].remote) !== isMapped(keys[1].remote)) return 'unsupported';
  if (!sameVlan(a.hop, b.hop)) return 'vlan';
  const records = [a, b] as const;
  const entry = (side: 0 | 1): LegEntry => {
    const next = keys[other(side)];
    return {
      key: keys[side],
      flow: {
        ...plainFlow,
        local: records[side].local,
        nextLocal: records[other(side)].local,
        nextRemote: next.remote,
        nextLocalPort: next.localPort,
        nextRemotePort: next.remotePort,
        flags: isLocal(peers[other(side)].address) ? flowFlags.deliver : 0,
      },
      start: { ...freshLeg, hop: records[side].hop },
    };
  };
  return [entry(0), entry(1)];
}

/** The fields that only TCP has. */
const plainFlow = {
  ...{ seqAdd: 0, ackAdd: 0, tsvalAdd: 0, tsecrAdd: 0, first: 0, marked: 0 },
  ...{ windowLeft: 0, windowRight: 0 },
};

const sum = (a: readonly [number, number], b: readonly [number, number]): [number, number] => [
  a[0] + b[0],
  a[1] + b[1],
];
