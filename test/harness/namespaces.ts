import { execFileSync } from 'node:child_process';

/**
 * Two private networks and a public one, as network namespaces:
 *
 *     lan1 192.168.1.2 ── nat1 ──┐ 203.0.113.11
 *                                hub 203.0.113.1
 *     lan2 192.168.2.2 ── nat2 ──┘ 203.0.113.12
 *
 * Each NAT masquerades what goes out and drops what comes in unasked.
 */
export interface PrivateNetworks {
  /** The namespaces' names, for `ip netns exec`. */
  hub: string;
  lan1: string;
  lan2: string;
  remove(): void;
}

/** Debian's package of each tool. */
const packages = { ip: 'iproute2', nft: 'nftables', sysctl: 'procps', ethtool: 'ethtool', cc: 'gcc' };

/** Why namespaces cannot be made here, or what else is missing; undefined where everything is there. */
export function namespacesUnavailable(further: readonly (keyof typeof packages)[] = []): string | undefined {
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  for (const tool of ['ip', 'nft', 'sysctl', ...further] as const) {
    try {
      execFileSync('sh', ['-c', `command -v ${tool}`]);
    } catch {
      return `${tool} is not installed (apt-get install ${packages[tool]})`;
    }
  }
  return undefined;
}

/** The output of a shell command. Throws with its error output. */
export const run = (command: string): string => execFileSync('sh', ['-ec', command], { stdio: 'pipe' }).toString();

export function privateNetworks(): PrivateNetworks {
  const name = (place: string): string => `netport-${process.pid}-${place}`;
  const places = ['hub', 'lan1', 'nat1', 'lan2', 'nat2'] as const;
  const remove = (): void => {
    for (const place of places) run(`ip netns del ${name(place)} 2>/dev/null || true`);
  };
  try {
    for (const place of places) run(`ip netns add ${name(place)}; ip -n ${name(place)} link set lo up`);
    const hub = name('hub');
    run(
      `ip -n ${hub} link add hub type bridge; ip -n ${hub} link set hub up; ip -n ${hub} addr add 203.0.113.1/24 dev hub`,
    );
    for (const i of [1, 2]) addPrivateNetwork({ hub, nat: name(`nat${i}`), lan: name(`lan${i}`), i });
  } catch (error) {
    remove();
    throw error;
  }
  return { hub: name('hub'), lan1: name('lan1'), lan2: name('lan2'), remove };
}

function addPrivateNetwork({ hub, nat, lan, i }: { hub: string; nat: string; lan: string; i: number }): void {
  const inside = (namespace: string, command: string): string => run(`ip netns exec ${namespace} ${command}`);
  run(`ip link add wan netns ${nat} type veth peer name nat${i} netns ${hub}`);
  run(`ip -n ${hub} link set nat${i} master hub; ip -n ${hub} link set nat${i} up`);
  run(`ip -n ${nat} addr add 203.0.113.1${i}/24 dev wan; ip -n ${nat} link set wan up`);
  run(`ip link add lan netns ${nat} type veth peer name eth0 netns ${lan}`);
  run(`ip -n ${nat} addr add 192.168.${i}.1/24 dev lan; ip -n ${nat} link set lan up`);
  run(`ip -n ${lan} addr add 192.168.${i}.2/24 dev eth0; ip -n ${lan} link set eth0 up`);
  run(`ip -n ${lan} route add default via 192.168.${i}.1`);
  inside(nat, 'sysctl -qw net.ipv4.ip_forward=1');
  inside(nat, 'nft add table ip nat');
  inside(nat, `nft 'add chain ip nat out { type nat hook postrouting priority 100; }'`);
  inside(nat, 'nft add rule ip nat out oifname wan masquerade');
  inside(nat, 'nft add table ip filter');
  inside(nat, `nft 'add chain ip filter pass { type filter hook forward priority 0; policy drop; }'`);
  inside(nat, 'nft add rule ip filter pass iifname lan accept');
  inside(nat, 'nft add rule ip filter pass ct state established,related accept');
}
