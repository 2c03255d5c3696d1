/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The relay's packet path. UDP is forwarded at XDP, TCP at tc ingress or, when asked, at XDP too. What is not of a circuit
 * passes unseen. docs/operations.md has the verdicts as a table.
 */
#include <linux/pkt_cls.h>
#include <stddef.h>
#include "maps.h"
#include "parse.h"
#include "ports.h"
#include "rewrite.h"
#include "route.h"
#include "segment.h"
#include "verdict.h"

const volatile bool tcp_at_xdp;

static __always_inline bool np_same_address(const __u8 *a, const __u8 *b)
{
	const __u64 *left = (const __u64 *)a, *right = (const __u64 *)b;

	return !((left[0] ^ right[0]) | (left[1] ^ right[1]));
}

static __always_inline bool np_expired(const struct np_packet *packet)
{
	return (packet->is_ipv6 ? packet->ipv6->hop_limit : packet->ipv4->ttl) <= 1;
}

static __always_inline void np_count(const struct np_packet *packet, const struct np_flow *flow)
{
	struct np_counter *counter = bpf_map_lookup_elem(&counters, &flow->leg);

	if (!counter)
		return;
	counter->packets += packet->segments;
	counter->bytes += packet->payload_bytes;
}

static __always_inline void np_count_drop(__u32 reason)
{
	__u64 *count = bpf_map_lookup_elem(&drops, &reason);

	if (count)
		++*count;
}

/* XDP sends only where the relay has made it possible. */
static __always_inline bool np_can_send(const struct np_packet *packet, const struct np_way *way)
{
	return way->ifindex == packet->ifindex || bpf_map_lookup_elem(&devices, &way->ifindex);
}

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

SEC("xdp")
int netport_xdp(struct xdp_md *context)
{
	struct np_packet packet = {
		.ethernet = (void *)(long)context->data,
		.end = (void *)(long)context->data_end,
		.frame_bytes = context->data_end - context->data,
		.ifindex = context->ingress_ifindex,
		.segments = 1,
	};
	struct np_sums sums = {};
	struct np_way way = {};
	const struct np_flow *flow;
	int verdict;

	if (!np_parse(&packet))
		return XDP_PASS;
	if (packet.key.protocol == IPPROTO_TCP && !tcp_at_xdp)
		return XDP_PASS;
	flow = bpf_map_lookup_elem(&flows, &packet.key);
	if (packet.key.protocol == IPPROTO_UDP)
		verdict = np_handle_udp(context, &packet, flow, &way);
	else
		verdict = np_handle_tcp(context, &packet, flow, true, &way, &sums);

	switch (verdict) {
	case NP_PASS:
	case NP_UP:
		return XDP_PASS;
	case NP_FORWARD:
		np_rewrite_frame(&packet, &way);
		return way.ifindex == packet.ifindex ? XDP_TX : bpf_redirect_map(&devices, way.ifindex, 0);
	default:
		np_count_drop(verdict);
		return XDP_DROP;
	}
}

/* Invalidates every pointer into the packet: last of all. */
static __always_inline void np_update_checksum(struct __sk_buff *skb, const struct np_packet *packet,
					       const struct np_sums *sums)
{
	__u32 at = packet->transport_at + offsetof(struct tcphdr, check);

	bpf_l4_csum_replace(skb, at, 0, np_fold(sums->rest), 0);
	bpf_l4_csum_replace(skb, at, 0, np_fold(sums->addresses), BPF_F_PSEUDO_HDR);
	/* A device's checksum of the whole frame: the helper takes the addresses as made up for by IPv4's own checksum. */
	if (packet->is_ipv6)
		bpf_csum_update(skb, np_fold(sums->addresses + sums->hop_limit));
}

SEC("tc")
int netport_tc(struct __sk_buff *skb)
{
	struct np_packet packet = {
		.frame_bytes = skb->len,
		.ifindex = skb->ifindex,
		.segments = skb->gso_segs ?: 1,
		.segment_bytes = skb->gso_size,
		.beside = skb->vlan_present,
		.outer_vlan = skb->vlan_present ? skb->vlan_tci : 0,
	};
	struct np_sums sums = {};
	struct np_way way = {};
	const struct np_flow *flow;
	int verdict;

	if (tcp_at_xdp)
		return TC_ACT_UNSPEC;
	if (skb->data_end - skb->data < NP_HEADER_BYTES)
		bpf_skb_pull_data(skb, skb->len < NP_HEADER_BYTES ? skb->len : NP_HEADER_BYTES);
	packet.ethernet = (void *)(long)skb->data;
	packet.end = (void *)(long)skb->data_end;
	if (!np_parse(&packet) || packet.key.protocol != IPPROTO_TCP)
		return TC_ACT_UNSPEC;
	flow = bpf_map_lookup_elem(&flows, &packet.key);
	verdict = np_handle_tcp(skb, &packet, flow, false, &way, &sums);

	switch (verdict) {
	case NP_PASS:
		return TC_ACT_UNSPEC;
	case NP_UP:
		np_update_checksum(skb, &packet, &sums);
		return TC_ACT_OK;
	case NP_FORWARD:
		np_rewrite_frame(&packet, &way);
		np_update_checksum(skb, &packet, &sums);
		return bpf_redirect(way.ifindex, 0);
	case NP_RESOLVE:
		np_update_checksum(skb, &packet, &sums);
		return bpf_redirect_neigh(way.ifindex, NULL, 0, 0);
	default:
		np_count_drop(verdict);
		return TC_ACT_SHOT;
	}
}

char _license[] SEC("license") = "Dual BSD/GPL";
