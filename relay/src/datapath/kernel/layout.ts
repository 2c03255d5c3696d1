import { be16, bytes, type Codec, struct, u8, u16, u32, u64 } from '@netport/libbpf';

/** The structs of xdp/shared.h, field by field: what they mean is said there. */

/** Pinned maps of another version are not adopted. */
export const layoutVersion = 1;

export const protocols = { tcp: 6, udp: 17 } as const;
/** `flags` of a flow. */
export const flowFlags = { deliver: 1, timestamps: 2 } as const;
/** `datapath` of a circuit. */
export const circuitDatapaths = { xdp: 1, tc: 2 } as const;
/** What a port admits at once, and in a second. */
export const bindBurst = 64;
export const bindsPerSecond = 64;

/** Names of NP_DROP_…, in their order: an index of the map `drops` is an index here. */
export const dropReasons = [
  'unbound',
  'bind_flood',
  'foreign',
  'fragment',
  'options',
  'truncated',
  'checksum',
  'ttl',
  'too_big',
  'no_route',
  'syn',
  'preamble',
  'timestamp',
] as const;
export type DropReason = (typeof dropReasons)[number];

const address = bytes(16);

export interface FlowKey {
  remote: Uint8Array;
  remotePort: number;
  localPort: number;
  protocol: number;
}
export const flowKey: Codec<FlowKey> = struct({
  remote: address,
  remotePort: be16,
  localPort: be16,
  protocol: u32,
});
/** Nobody: what stands where there is no circuit. */
export const noFlowKey: FlowKey = { remote: new Uint8Array(16), remotePort: 0, localPort: 0, protocol: 0 };

export interface Flow {
  local: Uint8Array;
  nextLocal: Uint8Array;
  nextRemote: Uint8Array;
  nextLocalPort: number;
  nextRemotePort: number;
  leg: number;
  seqAdd: number;
  ackAdd: number;
  tsvalAdd: number;
  tsecrAdd: number;
  first: number;
  marked: number;
  windowLeft: number;
  windowRight: number;
  flags: number;
}
export const flow: Codec<Flow> = struct({
  local: address,
  nextLocal: address,
  nextRemote: address,
  nextLocalPort: be16,
  nextRemotePort: be16,
  leg: u32,
  seqAdd: u32,
  ackAdd: u32,
  tsvalAdd: u32,
  tsecrAdd: u32,
  first: u32,
  marked: u32,
  windowLeft: u8,
  windowRight: u8,
  flags: u8,
});

export interface Hop {
  ifindex: number;
  ours: Uint8Array;
  theirs: Uint8Array;
  outerVlan: number;
  innerVlan: number;
}
export const hop: Codec<Hop> = struct({
  ifindex: u32,
  ours: bytes(6),
  theirs: bytes(6),
  outerVlan: u16,
  innerVlan: u16,
});
/** No way back was learnt yet. */
export const noHop: Hop = {
  ifindex: 0,
  ours: new Uint8Array(6),
  theirs: new Uint8Array(6),
  outerVlan: 0,
  innerVlan: 0,
};

export interface Leg {
  seen: bigint;
  hop: Hop;
  nextSeq: number;
  lastAck: number;
  window: number;
  finSeq: number;
  marked: number;
  fin: number;
  finAcked: number;
  reset: number;
}
export const leg: Codec<Leg> = struct({
  seen: u64,
  hop,
  nextSeq: u32,
  lastAck: u32,
  window: u32,
  finSeq: u32,
  marked: u8,
  fin: u8,
  finAcked: u8,
  reset: u8,
});
/** What a leg is before a flow names it. */
export const freshLeg: Leg = {
  seen: 0n,
  hop: noHop,
  nextSeq: 0,
  lastAck: 0,
  window: 0,
  finSeq: 0,
  marked: 0,
  fin: 0,
  finAcked: 0,
  reset: 0,
};

export interface PortKey {
  port: number;
  protocol: number;
}
export const portKey: Codec<PortKey> = struct({ port: be16, protocol: u8 });

export interface Port {
  circuit: Uint8Array;
  refilled: bigint;
  budget: number;
}
export const port: Codec<Port> = struct({ circuit: bytes(16), refilled: u64, budget: u32 });

export interface Sender {
  seen: bigint;
  local: Uint8Array;
  hop: Hop;
  tsval: number;
  window: number;
  timestamps: number;
}
export const sender: Codec<Sender> = struct({
  seen: u64,
  local: address,
  hop,
  tsval: u32,
  window: u16,
  timestamps: u8,
});

export interface Counter {
  packets: bigint;
  bytes: bigint;
}
export const counter: Codec<Counter> = struct({ packets: u64, bytes: u64 });

export interface Circuit {
  id: Uint8Array;
  first: FlowKey;
  second: FlowKey;
  since: bigint;
  datapath: number;
}
export const circuit: Codec<Circuit> = struct({
  id: bytes(16),
  first: flowKey,
  second: flowKey,
  since: u64,
  datapath: u8,
});
