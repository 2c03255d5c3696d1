/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* From a frame to what the verdict needs. Nothing is changed here. */
#ifndef NETPORT_PARSE_H
#define NETPORT_PARSE_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <stdbool.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "shared.h"

#define NP_IPV4_OFFSET 0x1fff
#define NP_IPV4_MORE 0x2000
#define NP_IPV6_OFFSET 0xfff8

/* Frame, two tags, IPv4 with options, TCP with options. */
#define NP_HEADER_BYTES (14 + 2 * 4 + 60 + 60)

struct np_tag {
	__be16 tci;
	__be16 type;
};

struct np_extension {
	__u8 next;
	__u8 length; /* in units of 8 bytes, without the first one */
	__be16 fragment;
	__be32 rest;
};

struct np_packet {
	void *end; /* of what can be read, which is less than the frame where an skb is not linear */
	struct ethhdr *ethernet;
	union {
		void *ip;
		struct iphdr *ipv4;
		struct ipv6hdr *ipv6;
	};
	union {
		void *transport;
		struct udphdr *udp;
		struct tcphdr *tcp;
	};
	struct np_flow_key key;
	__u8 local[16];
	__u32 ifindex;         /* where it came in */
	__u32 frame_bytes;
	__u32 ip_bytes;        /* as its header says */
	__u32 transport_bytes; /* header included */
	__u32 payload_bytes;
	__u32 transport_at;    /* offset in the frame */
	__u32 segments;
	__u32 segment_bytes;   /* payload of each, 0 for a single one */
	__u16 outer_vlan;
	__u16 inner_vlan;
	__u8 tags;             /* in the frame */
	bool beside;           /* the outer tag is not in the frame but beside the skb */
	bool is_ipv6;
	bool first_fragment;
	bool options;          /* IP options or an extension header */
	bool truncated;
};

static __always_inline void np_map_address(__u8 *mapped, __be32 address)
{
	__u32 *words = (__u32 *)mapped;

	words[0] = 0;
	words[1] = 0;
	words[2] = bpf_htonl(0xffff);
	words[3] = address;
}

/* Returns the transport header, or NULL for what nobody knows whose it is: later fragments, broken headers. */
static __always_inline void *np_parse_ipv4(struct np_packet *packet)
{
	struct iphdr *ip = packet->ipv4;
	__u32 header_bytes;
	__u16 fragment;

	if ((void *)(ip + 1) > packet->end || ip->version != 4 || ip->ihl < 5)
		return NULL;
	header_bytes = ip->ihl * 4;
	fragment = bpf_ntohs(ip->frag_off);
	if (fragment & NP_IPV4_OFFSET)
		return NULL;
	packet->first_fragment = fragment & NP_IPV4_MORE;
	packet->options = header_bytes > sizeof(*ip);
	packet->ip_bytes = bpf_ntohs(ip->tot_len);
	packet->truncated = packet->ip_bytes < header_bytes;
	packet->transport_bytes = packet->ip_bytes - header_bytes;
	packet->key.protocol = ip->protocol;
	np_map_address(packet->key.remote, ip->saddr);
	np_map_address(packet->local, ip->daddr);
	return packet->ip + header_bytes;
}

/* The same. Behind the first extension header it does not look any further. */
static __always_inline void *np_parse_ipv6(struct np_packet *packet)
{
	struct ipv6hdr *ip = packet->ipv6;
	struct np_extension *extension = (void *)(ip + 1);
	__u32 extension_bytes = 0;

	if ((void *)(ip + 1) > packet->end || ip->version != 6)
		return NULL;
	packet->is_ipv6 = true;
	packet->transport_bytes = bpf_ntohs(ip->payload_len);
	packet->ip_bytes = packet->transport_bytes + sizeof(*ip);
	packet->key.protocol = ip->nexthdr;
	__builtin_memcpy(packet->key.remote, &ip->saddr, 16);
	__builtin_memcpy(packet->local, &ip->daddr, 16);
	switch (ip->nexthdr) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
	case IPPROTO_FRAGMENT:
		if ((void *)(extension + 1) > packet->end)
			return NULL;
		packet->options = true;
		packet->key.protocol = extension->next;
		extension_bytes = 8;
		if (ip->nexthdr != IPPROTO_FRAGMENT) {
			extension_bytes += extension->length * 8;
		} else {
			if (bpf_ntohs(extension->fragment) & NP_IPV6_OFFSET)
				return NULL;
			packet->first_fragment = true;
		}
		packet->truncated = packet->transport_bytes < extension_bytes;
		packet->transport_bytes -= extension_bytes;
	}
	return (void *)extension + extension_bytes;
}

static __always_inline void np_parse_udp(struct np_packet *packet)
{
	struct udphdr *udp = packet->udp;

	if ((void *)(udp + 1) > packet->end || bpf_ntohs(udp->len) < sizeof(*udp) ||
	    bpf_ntohs(udp->len) != packet->transport_bytes)
		packet->truncated = true;
	packet->payload_bytes = packet->transport_bytes - sizeof(*udp);
}

static __always_inline void np_parse_tcp(struct np_packet *packet)
{
	struct tcphdr *tcp = packet->tcp;

	if ((void *)(tcp + 1) > packet->end) {
		packet->truncated = true;
		return;
	}
	if (tcp->doff < 5 || tcp->doff * 4 > packet->transport_bytes)
		packet->truncated = true;
	packet->payload_bytes = packet->transport_bytes - tcp->doff * 4;
}

/*
 * Of a packet with the fields up to `frame_bytes` set, sets the others. False: not a whole UDP or TCP header with its
 * ports, so nothing for us. Where `first_fragment` or `truncated` is set only the key is reliable.
 */
static __always_inline bool np_parse(struct np_packet *packet)
{
	__be16 type, *port;
	__u16 vlan[2] = {};

	if ((void *)(packet->ethernet + 1) > packet->end)
		return false;
	type = packet->ethernet->h_proto;
	packet->ip = packet->ethernet + 1;
#pragma unroll
	for (int i = 0; i < 2; i++) {
		struct np_tag *tag = packet->ip;

		if (type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD))
			break;
		if ((void *)(tag + 1) > packet->end)
			return false;
		vlan[i] = bpf_ntohs(tag->tci);
		type = tag->type;
		packet->ip = tag + 1;
		packet->tags++;
	}
	if (!packet->beside) {
		packet->outer_vlan = vlan[0];
		packet->inner_vlan = vlan[1];
	} else {
		packet->inner_vlan = vlan[0];
	}
	if (type == bpf_htons(ETH_P_IP))
		packet->transport = np_parse_ipv4(packet);
	else if (type == bpf_htons(ETH_P_IPV6))
		packet->transport = np_parse_ipv6(packet);
	else
		return false;
	port = packet->transport;
	if (!port || (void *)(port + 2) > packet->end)
		return false;
	packet->key.remote_port = port[0];
	packet->key.local_port = port[1];
	packet->transport_at = packet->transport - (void *)packet->ethernet;
	if (sizeof(struct ethhdr) + packet->tags * sizeof(struct np_tag) + packet->ip_bytes > packet->frame_bytes)
		packet->truncated = true;
	if (packet->key.protocol == IPPROTO_UDP)
		np_parse_udp(packet);
	else if (packet->key.protocol == IPPROTO_TCP)
		np_parse_tcp(packet);
	else
		return false;
	return true;
}

/* `behind` the transport header: said once more because the verifier does not remember what np_parse found. */
static __always_inline bool np_is_whole(const struct np_packet *packet, void *behind)
{
	return !packet->truncated && behind <= packet->end;
}

#endif
