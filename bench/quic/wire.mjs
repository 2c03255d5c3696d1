// Packets as cables carry them, and a cable of a length to choose between the first network's machine and its NAT.
import { run } from '@netport/test';
import { runIn } from '../relay/programs.mjs';

export function layWire(networks, program) {
  const { lan1, nat1 } = networks;
  const wire = `netport-${process.pid}-wire`;
  process.on('exit', () => run(`ip netns del ${wire} 2>/dev/null || true`));
  run(`ip netns add ${wire}; ip netns exec ${wire} sysctl -qw net.ipv6.conf.all.disable_ipv6=1`);
  // The machine's interface becomes the wire's far end; the machine gets another.
  run(`ip -n ${lan1} link set eth0 netns ${wire} name far`);
  run(`ip link add near netns ${wire} type veth peer name eth0 netns ${lan1}`);
  run(`ip -n ${wire} link set far up; ip -n ${wire} link set near up; ip -n ${lan1} link set eth0 up`);
  run(`ip -n ${wire} link add bridge type bridge; ip -n ${wire} link set bridge up`);
  networks.readdress(1);
  singleFrames({ ...networks, wire });
  run(`ip netns exec ${nat1} ip neigh flush all`);

  run(`ip -n ${wire} link set near master bridge; ip -n ${wire} link set far master bridge`);
  let hop;
  return {
    /** Round trips take this much longer from now on. Resolves with what the hop had and dropped since the last time. */
    delay: async (milliseconds) => {
      hop?.finish();
      const { frames = 0, dropped = 0 } = (await hop?.heard('ended')) ?? {};
      // Without a delay the kernel forwards.
      const bridged = milliseconds === 0 ? 'master bridge' : 'nomaster';
      for (const end of ['near', 'far']) run(`ip -n ${wire} link set ${end} ${bridged}`);
      hop = milliseconds === 0 ? undefined : runIn(wire, program, ['near', 'far', milliseconds / 2]);
      await hop?.heard('forwarding');
      return { framesDelayed: frames, framesDropped: dropped };
    },
  };
}

/** For every connection that asks for nothing else. By route: a namespace's own default can only be what the whole machine allows. */
export function useCubic(namespace) {
  for (const route of run(`ip -4 -n ${namespace} route show`).trim().split('\n'))
    run(`ip -n ${namespace} route change ${route} congctl cubic`);
}

/** No offload anywhere: what is lost is one packet of the MTU, and checksums are whole. */
function singleFrames({ relay, nat1, nat2, lan1, lan2, wire }) {
  const ends = {
    [relay]: ['left', 'right'],
    [nat1]: ['wan', 'lan'],
    [nat2]: ['wan', 'lan'],
    [lan1]: ['eth0'],
    [lan2]: ['eth0'],
    [wire]: ['near', 'far'],
  };
  for (const [namespace, devices] of Object.entries(ends))
    for (const device of devices) {
      run(`ip netns exec ${namespace} ethtool -K ${device} tx off tso off gso off`);
      // GRO stays on where XDP needs a veth that polls, and finds nothing that it may merge.
      run(`ip -n ${namespace} link set ${device} gro_max_size 1500`);
    }
}
