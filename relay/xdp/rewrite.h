/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Addresses, ports, time to live, and checksums by their difference (RFC 1624): what was wrong stays wrong by as much.
 * Sums are 64 bits wide and mean the same modulo 65535, folded once at the end.
 */
#ifndef NETPORT_REWRITE_H
#define NETPORT_REWRITE_H

#include "parse.h"

/* Apart, because where an skb's checksum is still to be computed only the pseudo header is in its field. */
struct np_sums {
	__u64 addresses;
	__u64 rest;
	__u64 hop_limit; /* IPv6: in no checksum but that of the whole frame */
};

static __always_inline __u64 np_difference(__u32 from, __u32 to)
{
	return (__u64)(__u32)~from + to;
}

static __always_inline __u32 np_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (sum & 0xffff) + (sum >> 16);
}

static __always_inline __u16 np_checksum(__u16 checksum, __u64 sum)
{
	return ~np_fold(sum + (__u16)~checksum);
}

static __always_inline __u64 np_replace(__u32 *field, __u32 to)
{
	__u32 from = *field;

	*field = to;
	return np_difference(from, to);
}

static __always_inline void np_rewrite_ipv4(struct iphdr *ip, const struct np_flow *flow, struct np_sums *sums)
{
	__u16 *ttl = (__u16 *)&ip->ttl, before = *ttl;

	sums->addresses = np_replace(&ip->saddr, ((__u32 *)flow->next_local)[3]);
	sums->addresses += np_replace(&ip->daddr, ((__u32 *)flow->next_remote)[3]);
	ip->ttl--;
	ip->check = np_checksum(ip->check, sums->addresses + np_difference(before, *ttl));
}

static __always_inline void np_rewrite_ipv6(const struct np_packet *packet, const struct np_flow *flow,
					    struct np_sums *sums)
{
	struct ipv6hdr *ip = packet->ipv6;
	__u16 *limit = (__u16 *)&ip->nexthdr, before;

	/* For the verifier, which does not remember that is_ipv6 went with such a header. */
	if ((void *)(ip + 1) > packet->end)
		return;
	before = *limit;
#pragma unroll
	for (int i = 0; i < 4; i++) {
		sums->addresses += np_replace(&ip->saddr.in6_u.u6_addr32[i], ((__u32 *)flow->next_local)[i]);
		sums->addresses += np_replace(&ip->daddr.in6_u.u6_addr32[i], ((__u32 *)flow->next_remote)[i]);
	}
	ip->hop_limit--;
	sums->hop_limit = np_difference(before, *limit);
}

static __always_inline struct np_sums np_rewrite_addresses(struct np_packet *packet, const struct np_flow *flow)
{
	struct np_sums sums = {};
	__be16 *port = packet->transport;
	__u32 from = *(__u32 *)port;

	if (packet->is_ipv6)
		np_rewrite_ipv6(packet, flow, &sums);
	else
		np_rewrite_ipv4(packet->ipv4, flow, &sums);
	port[0] = flow->next_local_port;
	port[1] = flow->next_remote_port;
	sums.rest = np_difference(from, *(__u32 *)port);
	return sums;
}

static __always_inline void np_rewrite_udp(struct np_packet *packet, const struct np_flow *flow)
{
	struct np_sums sums = np_rewrite_addresses(packet, flow);
	struct udphdr *udp = packet->udp;

	/* Zero is "none", so a sum of zero is written as its other representation (RFC 768). */
	if (udp->check)
		udp->check = np_checksum(udp->check, sums.addresses + sums.rest) ?: 0xffff;
}

#endif
