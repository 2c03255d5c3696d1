/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The way out to the other leg: the routing table, or the way that its own packets came in. */
#ifndef NETPORT_ROUTE_H
#define NETPORT_ROUTE_H

#include "maps.h"
#include "parse.h"
#include "verdict.h"

#define NP_AF_INET 2
#define NP_AF_INET6 10
#define NP_VLAN_ID 0x0fff

struct np_way {
	__u32 ifindex;
	__u8 source[ETH_ALEN];
	__u8 destination[ETH_ALEN];
	__u16 outer_vlan;
	__u16 inner_vlan;
};

static __always_inline bool np_same_hop(const struct np_hop *a, const struct np_hop *b)
{
	const __u32 *left = (const __u32 *)a, *right = (const __u32 *)b;
	__u32 differ = 0;

#pragma unroll
	for (int i = 0; i < sizeof(*a) / 4; i++)
		differ |= left[i] ^ right[i];
	return !differ;
}

static __always_inline struct np_hop np_hop_of(const struct np_packet *packet)
{
	struct np_hop hop = {
		.ifindex = packet->ifindex,
		.outer_vlan = packet->outer_vlan,
		.inner_vlan = packet->inner_vlan,
	};

	__builtin_memcpy(hop.ours, packet->ethernet->h_dest, ETH_ALEN);
	__builtin_memcpy(hop.theirs, packet->ethernet->h_source, ETH_ALEN);
	return hop;
}

/* Written only when different: the cache line is shared by every CPU that forwards this leg. */
static __always_inline void np_learn_hop(struct np_leg *leg, const struct np_packet *packet)
{
	struct np_hop hop = np_hop_of(packet);

	if (!np_same_hop(&leg->hop, &hop))
		leg->hop = hop;
}

/* A BPF_FIB_LKUP_RET_…, or negative. */
static __always_inline long np_ask_routes(void *context, const struct np_packet *packet, const struct np_flow *flow,
					  struct np_way *way)
{
	struct bpf_fib_lookup fib = {
		.family = packet->is_ipv6 ? NP_AF_INET6 : NP_AF_INET,
		.l4_protocol = packet->key.protocol,
		.sport = flow->next_local_port,
		.dport = flow->next_remote_port,
		.ifindex = packet->ifindex,
		/* Of what goes over the wire, not of what is cut up on its way there. */
		.tot_len = packet->segment_bytes && packet->segment_bytes < packet->payload_bytes
				   ? packet->ip_bytes - packet->payload_bytes + packet->segment_bytes
				   : packet->ip_bytes,
	};
	long result;

	if (packet->is_ipv6) {
		__builtin_memcpy(fib.ipv6_src, flow->next_local, 16);
		__builtin_memcpy(fib.ipv6_dst, flow->next_remote, 16);
	} else {
		fib.ipv4_src = ((__u32 *)flow->next_local)[3];
		fib.ipv4_dst = ((__u32 *)flow->next_remote)[3];
	}
	result = bpf_fib_lookup(context, &fib, sizeof(fib), 0);
	way->ifindex = fib.ifindex;
	__builtin_memcpy(way->source, fib.smac, ETH_ALEN);
	__builtin_memcpy(way->destination, fib.dmac, ETH_ALEN);
	return result;
}

/* The same number of tags goes out as came in: another number would move the packet. */
static __always_inline int np_way_back(void *context, const struct np_packet *packet,
					const struct np_hop *hop, struct np_way *way)
{
	__u32 mtu = 0;

	if (!hop->ifindex || !hop->outer_vlan != !packet->outer_vlan || !hop->inner_vlan != !packet->inner_vlan)
		return NP_DROP_NO_ROUTE;
	/* The tag beside an skb is left as it is. */
	if (packet->beside && (hop->outer_vlan ^ packet->outer_vlan) & NP_VLAN_ID)
		return NP_DROP_NO_ROUTE;
	if (hop->ifindex != packet->ifindex &&
	    bpf_check_mtu(context, hop->ifindex, &mtu, -(int)(packet->tags * sizeof(struct np_tag)), 0))
		return NP_DROP_TOO_BIG;
	way->ifindex = hop->ifindex;
	__builtin_memcpy(way->source, hop->ours, ETH_ALEN);
	__builtin_memcpy(way->destination, hop->theirs, ETH_ALEN);
	way->outer_vlan = hop->outer_vlan;
	way->inner_vlan = hop->inner_vlan;
	return NP_FORWARD;
}

/* NP_FORWARD, NP_RESOLVE where the routing table knows the interface but not the neighbour, or a drop. */
static __always_inline int np_find_way(void *context, const struct np_packet *packet, const struct np_flow *flow,
				       const struct np_leg *other, bool resolves, struct np_way *way)
{
	if (!packet->outer_vlan) {
		switch (np_ask_routes(context, packet, flow, way)) {
		case BPF_FIB_LKUP_RET_SUCCESS:
			return NP_FORWARD;
		case BPF_FIB_LKUP_RET_FRAG_NEEDED:
			return NP_DROP_TOO_BIG;
		case BPF_FIB_LKUP_RET_NO_NEIGH:
			if (resolves)
				return NP_RESOLVE;
		}
	}
	return np_way_back(context, packet, &other->hop, way);
}

static __always_inline void np_rewrite_frame(const struct np_packet *packet, const struct np_way *way)
{
	struct np_tag *tag = (void *)(packet->ethernet + 1);

	__builtin_memcpy(packet->ethernet->h_dest, way->destination, ETH_ALEN);
	__builtin_memcpy(packet->ethernet->h_source, way->source, ETH_ALEN);
	if (packet->tags == 2) {
		tag[0].tci = bpf_htons(way->outer_vlan);
		tag[1].tci = bpf_htons(way->inner_vlan);
	} else if (packet->tags == 1) {
		tag[0].tci = bpf_htons(packet->beside ? way->inner_vlan : way->outer_vlan);
	}
}

#endif
