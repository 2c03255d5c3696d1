import { namespacesUnavailable, run } from './namespaces.js';

/**
 * A relay with one interface towards each of two private networks, IPv4 and IPv6, and no bridge: what gets from one side
 * to the other was forwarded by the relay.
 *
 *     lan1 192.168.1.2 ── 192.168.1.1 nat1 198.51.100.2 ── left  relay  right ── 203.0.113.2 nat2 192.168.2.1 ── lan2
 *          fd00:1::2      fd00:1::1        fd00:a::2          192.0.2.1              fd00:b::2    fd00:2::1
 *                                                             fd00::1
 *
 * The relay has its public addresses on `lo`, so that the same ones serve both sides. Each NAT masquerades what goes out,
 * over IPv6 too, and drops what comes in unasked.
 */
export interface RelayNetworks {
  /** The namespaces' names, for `ip netns exec`. */
  relay: string;
  lan1: string;
  lan2: string;
  nat1: string;
  nat2: string;
  /** Where portals find control server and relay, whichever side they are on. */
  addresses: Record<IpVersion, string>;
  /** Drops this share of all packets in both directions at both NATs, from now on; hundredths of a percent count. */
  lose(percent: number): void;
  /** Packets that `lose` has dropped since it was last called. */
  lost(): number;
  /** Whether UDP gets through a NAT, either way. */
  blockUdp(side: Side, blocked: boolean): void;
  /** Lets nothing out of a side's private network but TCP to these ports; everything, without a list. */
  allowOnly(side: Side, ports: readonly number[] | undefined): void;
  /** Gives a NAT another public address and forgets every mapping: whatever comes out of it next is from elsewhere. */
  rebind(side: Side): void;
  /** Takes away the IPv4 address of the machine in a side's private network, and gives it another after a moment without any. */
  readdress(side: Side): void;
  /** The relay's interface towards a side. */
  setLink(side: Side, state: 'up' | 'down'): void;
  remove(): void;
}

export type IpVersion = 'ipv4' | 'ipv6';
export type Side = 1 | 2;

export interface RelayNetworksOptions {
  /** Of the link between relay and NAT. */
  mtu?: Partial<Record<Side, number>>;
  /** Whether the relay's machine is a router too: then its routing table says where a packet leaves. */
  forwarding?: boolean;
}

/** The relay's interfaces. */
export const relayInterfaces = { 1: 'left', 2: 'right' } as const;

const relayAddress = { ipv4: '192.0.2.1', ipv6: 'fd00::1' } as const;
const publicPrefix = { 1: { ipv4: '198.51.100.', ipv6: 'fd00:a::' }, 2: { ipv4: '203.0.113.', ipv6: 'fd00:b::' } };
const sides = [1, 2] as const;

/** Why these networks cannot be made here, or undefined where they can. */
export function relayNetworksUnavailable(): string | undefined {
  return namespacesUnavailable(['ethtool']);
}

let made = 0;

export function relayNetworks({ mtu = {}, forwarding = false }: RelayNetworksOptions = {}): RelayNetworks {
  const prefix = `netport-${process.pid}-${made++}`;
  const name = (place: string): string => `${prefix}-${place}`;
  const places = ['relay', 'nat1', 'lan1', 'nat2', 'lan2'].map(name);
  const publicHost = { 1: 2, 2: 2 };
  const privateHost = { 1: 2, 2: 2 };
  const remove = (): void => {
    for (const place of places) run(`ip netns del ${place} 2>/dev/null || true`);
  };
  try {
    for (const place of places) addNamespace(place);
    addRelay(name('relay'), forwarding);
    for (const side of sides) {
      addSide({ relay: name('relay'), nat: name(`nat${side}`), lan: name(`lan${side}`), side, mtu: mtu[side] ?? 1500 });
      setPublicAddress(name(`nat${side}`), side, publicHost[side]);
    }
  } catch (error) {
    remove();
    throw error;
  }
  return {
    relay: name('relay'),
    lan1: name('lan1'),
    lan2: name('lan2'),
    nat1: name('nat1'),
    nat2: name('nat2'),
    addresses: relayAddress,
    lose: (percent) => {
      for (const side of sides) lose(name(`nat${side}`), percent);
    },
    lost: () => sides.reduce((sum, side) => sum + lost(name(`nat${side}`)), 0),
    blockUdp: (side, blocked) => {
      const rules = blocked ? ['add rule inet firewall pass meta l4proto udp drop'] : [];
      nft(name(`nat${side}`), ['flush chain inet firewall pass', ...rules]);
    },
    allowOnly: (side, ports) => {
      const from = 'add rule inet firewall pass iifname lan';
      const rules = ports ? [`${from} meta l4proto udp drop`, `${from} tcp dport != { ${ports.join()} } drop`] : [];
      nft(name(`nat${side}`), ['flush chain inet firewall pass', ...rules]);
    },
    rebind: (side) => {
      // The kernel forgets the mappings of a masquerading interface whose address goes (nf_nat_masquerade).
      run(`ip -n ${name(`nat${side}`)} addr flush dev wan scope global`);
      publicHost[side]++;
      setPublicAddress(name(`nat${side}`), side, publicHost[side]);
    },
    readdress: (side) => {
      const ip = `ip -4 -n ${name(`lan${side}`)}`;
      const network = `192.168.${side}`;
      privateHost[side]++;
      run(`${ip} addr flush dev eth0`);
      run(`${ip} addr add ${network}.${privateHost[side]}/24 dev eth0; ${ip} route add default via ${network}.1`);
    },
    setLink: (side, state) => void run(`ip -n ${name('relay')} link set ${relayInterfaces[side]} ${state}`),
    remove,
  };
}

function addNamespace(name: string): void {
  run(`ip netns add ${name}`);
  // Without duplicate address detection an IPv6 address works at once.
  const settings = ['all', 'default'].flatMap((scope) => [
    `net.ipv6.conf.${scope}.accept_dad=0`,
    `net.ipv6.conf.${scope}.keep_addr_on_down=1`,
  ]);
  run(`ip netns exec ${name} sysctl -qw ${settings.join(' ')}; ip -n ${name} link set lo up`);
}

function addRelay(relay: string, forwarding: boolean): void {
  run(
    `ip -n ${relay} addr add ${relayAddress.ipv4}/32 dev lo; ip -n ${relay} addr add ${relayAddress.ipv6}/128 dev lo`,
  );
  if (forwarding) forward(relay);
}

const forward = (namespace: string): string =>
  run(`ip netns exec ${namespace} sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1`);

interface PublicLink {
  relay: string;
  nat: string;
  side: Side;
  mtu: number;
}

function addPublicLink({ relay, nat, side, mtu }: PublicLink): void {
  const { ipv4, ipv6 } = publicPrefix[side];
  const toRelay = relayInterfaces[side];
  run(`ip link add ${toRelay} netns ${relay} mtu ${mtu} type veth peer name wan netns ${nat} mtu ${mtu}`);
  run(`ip -n ${relay} addr add ${ipv4}1/24 dev ${toRelay}; ip -n ${relay} addr add ${ipv6}1/64 dev ${toRelay} nodad`);
  run(`ip -n ${relay} link set ${toRelay} up; ip -n ${nat} link set wan up`);
  // A veth accepts frames from XDP only when its own side polls, which GRO turns on.
  run(`ip netns exec ${nat} ethtool -K wan gro on`);
}

function addSide({ lan, ...link }: PublicLink & { lan: string }): void {
  const { nat, side } = link;
  addPublicLink(link);
  run(`ip link add lan netns ${nat} type veth peer name eth0 netns ${lan}`);
  run(`ip -n ${nat} addr add 192.168.${side}.1/24 dev lan; ip -n ${nat} addr add fd00:${side}::1/64 dev lan nodad`);
  run(`ip -n ${lan} addr add 192.168.${side}.2/24 dev eth0; ip -n ${lan} addr add fd00:${side}::2/64 dev eth0 nodad`);
  run(`ip -n ${nat} link set lan up; ip -n ${lan} link set eth0 up`);
  run(`ip -n ${lan} route add default via 192.168.${side}.1; ip -n ${lan} route add default via fd00:${side}::1`);
  forward(nat);
  // XDP sees what a real wire would carry: whole checksums. A veth leaves them to hardware that is not there.
  run(`ip netns exec ${lan} ethtool -K eth0 tx off`);
  nft(nat, [
    'table inet nat { chain out { type nat hook postrouting priority srcnat; oifname wan masquerade; }; }',
    'table inet loss { chain pass { type filter hook forward priority filter - 5; }; }',
    'table inet firewall { chain pass { type filter hook forward priority filter - 6; }; }',
    'table inet filter { chain pass { type filter hook forward priority filter; policy drop;',
    ' iifname lan accept; ct state established,related accept; };',
    // What it has no mapping for is not its own either: a reset from here would end the other side's connection.
    ' chain in { type filter hook input priority filter; iifname wan meta l4proto { tcp, udp } ct state new drop; }; }',
  ]);
}

function setPublicAddress(nat: string, side: Side, host: number): void {
  const { ipv4, ipv6 } = publicPrefix[side];
  run(`ip -n ${nat} addr add ${ipv4}${host}/24 dev wan; ip -n ${nat} addr add ${ipv6}${host}/64 dev wan nodad`);
  run(`ip -n ${nat} route replace default via ${ipv4}1; ip -n ${nat} route replace default via ${ipv6}1`);
}

function lose(nat: string, percent: number): void {
  nft(nat, ['flush chain inet loss pass']);
  if (percent > 0)
    nft(nat, [`add rule inet loss pass numgen random mod 10000 < ${Math.round(percent * 100)} counter drop`]);
}

const lost = (nat: string): number =>
  Number(/counter packets (\d+)/.exec(run(`ip netns exec ${nat} nft list chain inet loss pass`))?.[1] ?? 0);

const nft = (namespace: string, rules: readonly string[]): string =>
  run(`ip netns exec ${namespace} nft -f - <<'RULES'\n${rules.join('\n')}\nRULES`);
