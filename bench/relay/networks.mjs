// Two networks and a relay's machine between them that is a router too: left – relay – right.
import { run } from '@netport/test';

export const addresses = { left: '10.0.1.2', relay: '192.0.2.1', right: '10.0.2.2' };

export function makeNetworks() {
  const name = (place) => `netport-${process.pid}-${place}`;
  const names = { left: name('left'), relay: name('relay'), right: name('right') };
  const remove = () => {
    for (const place of Object.values(names)) run(`ip netns del ${place} 2>/dev/null || true`);
  };
  process.on('exit', remove);
  for (const place of Object.values(names)) run(`ip netns add ${place}; ip -n ${place} link set lo up`);
  run(`ip -n ${names.relay} addr add ${addresses.relay}/32 dev lo`);
  run(`ip netns exec ${names.relay} sysctl -qw net.ipv4.ip_forward=1`);
  for (const [side, network] of Object.entries({ left: 1, right: 2 })) {
    const namespace = names[side];
    run(`ip link add ${side} netns ${names.relay} type veth peer name eth0 netns ${namespace}`);
    run(`ip -n ${names.relay} addr add 10.0.${network}.1/24 dev ${side}; ip -n ${names.relay} link set ${side} up`);
    run(`ip -n ${namespace} addr add ${addresses[side]}/24 dev eth0; ip -n ${namespace} link set eth0 up`);
    run(`ip -n ${namespace} route add default via 10.0.${network}.1`);
    // A veth accepts frames from XDP only when its own side polls, which GRO turns on.
    run(`ip netns exec ${namespace} ethtool -K eth0 gro on`);
  }
  return { ...names, remove };
}

/** `wire`: whole checksums and packets of the MTU, as a cable carries them. `veth`: as veth does it by itself. */
export function setOffloads({ left, relay, right }, offloads) {
  const state = offloads === 'wire' ? 'off' : 'on';
  const ends = [
    [left, 'eth0'],
    [right, 'eth0'],
    [relay, 'left'],
    [relay, 'right'],
  ];
  for (const [namespace, device] of ends)
    run(`ip netns exec ${namespace} ethtool -K ${device} tx ${state} tso ${state}`);
}
