import { addressBytes, layout } from '@netport/relay';
import type { Packet } from './packet.js';
import type { Machine } from './program.js';

const mac = (last: number) => Uint8Array.of(2, 0, 0, 0, 0, last);

/**
 * A circuit between two portals, a and b, over a relay. TEST_RUN's packets come in at the loopback interface (index 1). b's
 * address is one of this machine: routes never forward to those, so the way there is always the one that was learnt.
 */
export const ends = {
  4: { a: '192.0.2.10', relay: '203.0.113.1', b: '127.0.0.2' },
  6: { a: '2001:db8:a::10', relay: '2001:db8:f::1', b: '::1' },
} as const;
export type IpVersion = keyof typeof ends;

export const ports = { a: 40000, relayA: 50001, relayB: 50002, b: 41000 };
export const macs = { a: mac(0xa), relay: mac(1), b: mac(0xb), relayB: mac(2) };
export const circuitId = Uint8Array.from({ length: 16 }, (_, index) => index);
export const noAdds = { seqAdd: 0, ackAdd: 0, tsvalAdd: 0, tsecrAdd: 0, first: 0, marked: 0 };

export const wayToB: layout.Hop = { ifindex: 1, ours: macs.relayB, theirs: macs.b, outerVlan: 0, innerVlan: 0 };

export const keyOf = (version: IpVersion, protocol: number): layout.FlowKey => ({
  remote: addressBytes(ends[version].a),
  remotePort: ports.a,
  localPort: ports.relayA,
  protocol,
});

/** What comes from a goes to b: leg 0 of the circuit in the first slot. */
export function forward(
  machine: Machine,
  version: IpVersion,
  protocol: number,
  { flow = {}, leg = {}, other = {} }: ForwardOptions = {},
): void {
  const { relay, b } = ends[version];
  machine.legs.set(0, { ...layout.freshLeg, ...leg });
  machine.legs.set(1, { ...layout.freshLeg, hop: wayToB, ...other });
  machine.flows.set(keyOf(version, protocol), {
    ...noAdds,
    local: addressBytes(relay),
    nextLocal: addressBytes(relay),
    nextRemote: addressBytes(b),
    nextLocalPort: ports.relayB,
    nextRemotePort: ports.b,
    leg: 0,
    windowLeft: 0,
    windowRight: 0,
    flags: 0,
    ...flow,
  });
}

export interface ForwardOptions {
  flow?: Partial<layout.Flow>;
  leg?: Partial<layout.Leg>;
  other?: Partial<layout.Leg>;
}

/** A packet from a to the relay. */
export const fromA = (version: IpVersion): Packet => ({
  ours: macs.relay,
  theirs: macs.a,
  source: ends[version].a,
  destination: ends[version].relay,
  sourcePort: ports.a,
  destinationPort: ports.relayA,
});

/** What the relay makes of it for b, all that the flow does not say left as it was. */
export const toB = (packet: Packet, version: IpVersion): Packet => ({
  ...packet,
  ours: macs.b,
  theirs: macs.relayB,
  source: ends[version].relay,
  destination: ends[version].b,
  ttl: (packet.ttl ?? 64) - 1,
  sourcePort: ports.relayB,
  destinationPort: ports.b,
});
