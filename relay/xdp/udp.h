/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What becomes of a datagram. */
#ifndef NETPORT_UDP_H
#define NETPORT_UDP_H

#include "forward.h"
#include "ports.h"
#include "rewrite.h"

static __always_inline int np_judge_udp(struct xdp_md *context, struct np_packet *packet, const struct np_flow *flow,
					struct np_way *way)
{
	struct np_port *port = flow ? NULL : np_port_of(packet);
	struct np_leg *leg, *other;
	struct np_bind *bind;
	__u32 index;

	if (!flow && !port)
		return NP_PASS;
	if (packet->first_fragment)
		return NP_DROP_FRAGMENT;
	if (!np_is_whole(packet, packet->udp + 1))
		return NP_DROP_TRUNCATED;
	bind = np_bind_in(packet);
	if (bind) {
		if (!port)
			port = np_port_of(packet);
		return port ? np_judge_bind(packet, bind, port) : NP_DROP_BIND_FLOOD;
	}
	if (!flow)
		return NP_DROP_UNBOUND;
	if (!np_same_address(flow->local, packet->local))
		return NP_DROP_FOREIGN;
	if (packet->options)
		return NP_PASS;
	if (packet->is_ipv6 && !packet->udp->check)
		return NP_DROP_CHECKSUM;
	if (np_expired(packet))
		return NP_DROP_TTL;
	index = flow->leg;
	leg = bpf_map_lookup_elem(&legs, &index);
	index ^= 1;
	other = bpf_map_lookup_elem(&legs, &index);
	if (!leg || !other)
		return NP_PASS;
	leg->seen = bpf_ktime_get_coarse_ns();
	np_learn_hop(leg, packet);
	if (flow->flags & NP_DELIVER)
		return NP_UP;
	/* Where there is no way from here, or the neighbour is still unknown, the relay's socket has one. */
	if (np_find_way(context, packet, flow, other, true, way) != NP_FORWARD || !np_can_send(packet, way))
		return NP_PASS;
	return NP_FORWARD;
}

static __always_inline int np_handle_udp(struct xdp_md *context, struct np_packet *packet, const struct np_flow *flow,
					 struct np_way *way)
{
	int verdict = np_judge_udp(context, packet, flow, way);

	if (flow && verdict > NP_PASS) {
		np_count(packet, flow);
		np_rewrite_udp(packet, flow);
	}
	return verdict;
}

#endif
