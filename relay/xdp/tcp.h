/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What becomes of a segment. */
#ifndef NETPORT_TCP_H
#define NETPORT_TCP_H

#include "forward.h"
#include "ports.h"
#include "segment.h"

static __always_inline int np_judge_newcomer(const struct np_packet *packet)
{
	struct np_options options = {};
	struct np_sender sender = {};

	if (packet->first_fragment || !np_is_whole(packet, packet->tcp + 1) || !np_port_of(packet))
		return NP_PASS;
	if (np_find_options(packet, &options) && options.timestamps) {
		sender.timestamps = 1;
		sender.tsval = np_tsval(packet, &options);
	}
	sender.window = bpf_ntohs(packet->tcp->window);
	np_record(packet, &sender, bpf_ktime_get_ns());
	return NP_PASS;
}

static __always_inline int np_judge_tcp(void *context, struct np_packet *packet, const struct np_flow *flow,
					bool at_xdp, struct np_options *options, struct np_way *way)
{
	struct np_leg *leg, *other;
	__u32 index;
	int found = NP_UP;

	if (!flow)
		return np_judge_newcomer(packet);
	if (!np_same_address(flow->local, packet->local))
		return NP_DROP_FOREIGN;
	if (packet->first_fragment)
		return NP_DROP_FRAGMENT;
	if (packet->options)
		return NP_DROP_OPTIONS;
	if (!np_is_whole(packet, packet->tcp + 1))
		return NP_DROP_TRUNCATED;
	if (packet->tcp->syn)
		return NP_DROP_SYN;
	if (!np_find_options(packet, options))
		return NP_DROP_TIMESTAMP;
	if (flow->flags & NP_TIMESTAMPS && !options->timestamps && !packet->tcp->rst)
		return NP_DROP_TIMESTAMP;
	index = flow->leg;
	leg = bpf_map_lookup_elem(&legs, &index);
	index ^= 1;
	other = bpf_map_lookup_elem(&legs, &index);
	if (!leg || !other)
		return NP_DROP_NO_ROUTE;
	if (np_is_preamble(packet->tcp, flow, leg, other))
		return NP_DROP_PREAMBLE;
	if (np_expired(packet))
		return NP_DROP_TTL;
	np_learn_hop(leg, packet);
	if (!(flow->flags & NP_DELIVER)) {
		found = np_find_way(context, packet, flow, other, !at_xdp, way);
		if (found < NP_PASS)
			return found;
		if (at_xdp && !np_can_send(packet, way))
			return NP_DROP_NO_ROUTE;
	}
	np_observe(packet, flow, leg, other);
	leg->seen = bpf_ktime_get_coarse_ns();
	return found;
}

/* At tc the TCP checksum is still to be changed, by `sums`. */
static __always_inline int np_handle_tcp(void *context, struct np_packet *packet, const struct np_flow *flow,
					 bool at_xdp, struct np_way *way, struct np_sums *sums)
{
	struct np_options options = {};
	int verdict = np_judge_tcp(context, packet, flow, at_xdp, &options, way);

	if (flow && verdict > NP_PASS) {
		np_count(packet, flow);
		*sums = np_rewrite_tcp(packet, flow, &options, at_xdp);
	}
	return verdict;
}

#endif
