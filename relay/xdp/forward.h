/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What datagrams and segments have in common on their way through. */
#ifndef NETPORT_FORWARD_H
#define NETPORT_FORWARD_H

#include "maps.h"
#include "parse.h"
#include "route.h"

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

#endif
