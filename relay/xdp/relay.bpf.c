/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * The relay's packet path. UDP is forwarded at XDP, TCP at tc ingress or, when asked, at XDP too. What is not of a circuit
 * passes unseen. docs/operations.md has the verdicts as a table.
 */
#include <linux/pkt_cls.h>
#include <stddef.h>
#include "tcp.h"
#include "udp.h"
#include "verdict.h"

const volatile bool tcp_at_xdp;

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
