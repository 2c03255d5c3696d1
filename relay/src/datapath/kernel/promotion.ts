import { encodeReadyMark, readyMarkBytes } from '@netport/protocol';
import { isMapped } from './address.js';
import { type Flow, type FlowKey, flowFlags, freshLeg, type Hop, type Leg, protocols, type Sender } from './layout.js';
import { type LegEnd, type Segment, tcpFlags } from './segment.js';
import { type FrozenState, tcpOptions } from './sockets.js';

/** Why a circuit stays in userspace: a closed list, for metrics. */
export const declineReasons = [
  /** A leg has ended, or has never begun. */
  'not_established',
  /** A portal has sent more than its preamble. */
  'unread',
  /** The relay has sent something, and the portal has not acknowledged it. */
  'unacked',
  /** TCP Fast Open, a link-local address, one leg over IPv4 and one over IPv6, or a kernel that lets no connection be frozen. */
  'unsupported',
  /** The legs agreed on different TCP options. Window scaling may differ. */
  'options_differ',
  /** The program has not seen the leg: it came in through another interface. */
  'no_record',
  /** The program has seen the leg come to another address. */
  'address',
  /** The legs come in over different VLANs. */
  'vlan',
  /** A leg may send larger segments than the other leg's path takes. */
  'mss',
  /** A leg changed while it was promoted. */
  'changed',
  /** There is no room in the program's maps, or they take no entry. */
  'map_full',
  /** The ready mark could not be sent by a raw socket. */
  'raw_socket',
] as const;
export type DeclineReason = (typeof declineReasons)[number];

/** What is known of a leg that is about to be promoted. */
export interface PromotionLeg {
  local: LegEnd;
  remote: LegEnd;
  frozen: FrozenState;
  /** What the program recorded of it, if it did. */
  sender: Sender | undefined;
}

/** What the kernel needs to forward one leg's packets, and the segment that tells its portal that the legs are joined. */
export interface PromotedLeg {
  key: FlowKey;
  /** Whoever installs it gives it its place among the legs. */
  flow: Omit<Flow, 'leg'>;
  start: Leg;
  mark: Segment;
}

export interface Promotion {
  legs: readonly [PromotedLeg, PromotedLeg];
}
export interface Decline {
  decline: DeclineReason;
  /** What the kernel said, where that was the reason. */
  error?: unknown;
}

type Recorded = PromotionLeg & { sender: Sender };

/** TCP_ESTABLISHED (linux: include/net/tcp_states.h). */
const established = 1;
/** What passes through unchanged, and so has to mean the same on both legs. */
const endToEnd = tcpOptions.timestamps | tcpOptions.sack | tcpOptions.ecn;

/** Whether the kernel can forward a circuit from here on, and how. `isLocal`: whether an address is one of this machine. */
export function promote(
  [a, b]: readonly [PromotionLeg, PromotionLeg],
  isLocal: (address: Uint8Array) => boolean,
): Promotion | Decline {
  const decline = notIdle(a.frozen) ?? notIdle(b.frozen) ?? mismatch(a, b);
  if (decline) return { decline };
  if (!isRecorded(a) || !isRecorded(b)) return { decline: 'no_record' };
  const refused = wayDiffers(a, b);
  if (refused) return { decline: refused };
  return { legs: [promoted(a, b, isLocal), promoted(b, a, isLocal)] };
}

function notIdle({ state, unread, unsent, unackedSegments }: FrozenState): DeclineReason | undefined {
  if (state !== established) return 'not_established';
  if (unread > 0) return 'unread';
  return unsent > 0 || unackedSegments > 0 ? 'unacked' : undefined;
}

function mismatch(a: PromotionLeg, b: PromotionLeg): DeclineReason | undefined {
  const options = a.frozen.options | b.frozen.options;
  if (options & tcpOptions.synData || isLinkLocal(a.remote) || isLinkLocal(b.remote)) return 'unsupported';
  if (isMapped(a.remote.address) !== isMapped(b.remote.address)) return 'unsupported';
  if ((a.frozen.options ^ b.frozen.options) & endToEnd) return 'options_differ';
  return a.frozen.advMss > b.frozen.sndMss || b.frozen.advMss > a.frozen.sndMss ? 'mss' : undefined;
}

/** fe80::/10: means nothing without an interface, which a flow does not name. */
const isLinkLocal = ({ address: [first = 0, second = 0] }: LegEnd): boolean => first === 0xfe && second >> 6 === 2;

const hasTimestamps = ({ frozen }: PromotionLeg): boolean => (frozen.options & tcpOptions.timestamps) !== 0;

/** Without the last timestamp from a portal, nothing that follows could be translated. */
const isRecorded = (leg: PromotionLeg): leg is Recorded =>
  leg.sender !== undefined && (leg.sender.timestamps !== 0 || !hasTimestamps(leg));

function wayDiffers(a: Recorded, b: Recorded): DeclineReason | undefined {
  const elsewhere = ({ sender, local }: Recorded) => sender.local.some((byte, i) => local.address[i] !== byte);
  if (elsewhere(a) || elsewhere(b)) return 'address';
  return sameVlan(a.sender.hop, b.sender.hop) ? undefined : 'vlan';
}

/** A frame keeps its tags on its way through, of which only the priority may differ (IEEE 802.1Q §9.6). */
export const sameVlan = (a: Hop, b: Hop): boolean =>
  vlan(a.outerVlan) === vlan(b.outerVlan) && vlan(a.innerVlan) === vlan(b.innerVlan);

/** The VLAN identifier of a tag, undefined without one. */
const vlan = (tci: number): number | undefined => (tci === 0 ? undefined : tci & 0x0fff);

/** What the program's maps know a leg by. */
export const keyOf = ({ local, remote }: Pick<PromotionLeg, 'local' | 'remote'>): FlowKey => ({
  remote: remote.address,
  remotePort: remote.port,
  localPort: local.port,
  protocol: protocols.tcp,
});

/** Modulo 2^32. */
const add = (...terms: number[]): number => terms.reduce((sum, term) => (sum + term) >>> 0, 0);

/** Behind the ready mark: what the relay would send next. */
const nextSeq = ({ frozen }: PromotionLeg): number => add(frozen.sndSeq, readyMarkBytes);

/** To be added to timestamps from a leg. One past the other leg's clock: its portal has seen at most what it says now. */
const tsvalAdd = (from: Recorded, to: Recorded): number => add(to.frozen.timestamp, 1, -from.sender.tsval);

/** A window from a leg as the other one's portal has to find it in the header, by the scale that it agreed on. */
export function translateWindow(window: number, left: number, right: number): number {
  const translated = Math.min(0xffff, (window << left) >> right);
  return window > 0 ? Math.max(1, translated) : translated;
}

/** `from`: the leg that the entries are of. `to`: where its packets go. */
function promoted(from: Recorded, to: Recorded, isLocal: (address: Uint8Array) => boolean): PromotedLeg {
  const { frozen, sender, local, remote } = from;
  const timestamps = hasTimestamps(from);
  return {
    key: keyOf(from),
    flow: {
      local: local.address,
      nextLocal: to.local.address,
      nextLocalPort: to.local.port,
      nextRemote: to.remote.address,
      nextRemotePort: to.remote.port,
      seqAdd: add(nextSeq(to), -frozen.rcvSeq),
      ackAdd: add(to.frozen.rcvSeq, -nextSeq(from)),
      tsvalAdd: timestamps ? tsvalAdd(from, to) : 0,
      tsecrAdd: timestamps ? add(-tsvalAdd(to, from)) : 0,
      first: frozen.rcvSeq,
      marked: nextSeq(from),
      windowLeft: frozen.sndWscale,
      windowRight: to.frozen.rcvWscale,
      flags: (isLocal(to.remote.address) ? flowFlags.deliver : 0) | (timestamps ? flowFlags.timestamps : 0),
    },
    start: {
      ...freshLeg,
      seen: sender.seen,
      hop: sender.hop,
      nextSeq: frozen.rcvSeq,
      lastAck: frozen.sndSeq,
      window: sender.window << frozen.sndWscale,
    },
    // As if the other portal had sent it together with its last segment.
    mark: {
      from: local,
      to: remote,
      seq: frozen.sndSeq,
      ack: frozen.rcvSeq,
      flags: tcpFlags.psh | tcpFlags.ack,
      window: translateWindow(to.sender.window, to.frozen.sndWscale, frozen.rcvWscale),
      timestamps: timestamps ? { value: add(frozen.timestamp, 1), echo: sender.tsval } : undefined,
      payload: encodeReadyMark(),
    },
  };
}

/**
 * Whether anything happened to a leg between two looks at it: only then has the portal said something that the entries,
 * made from the first look, do not know.
 */
export const hasChanged = (before: FrozenState, after: FrozenState): boolean =>
  (['state', 'sndSeq', 'rcvSeq', 'sndWnd', 'unread', 'unsent'] as const).some(
    (field) => before[field] !== after[field],
  );
