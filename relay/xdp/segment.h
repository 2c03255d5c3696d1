/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Segments of promoted circuits: what is learnt from them for the reaper, and their new numbers. */
#ifndef NETPORT_SEGMENT_H
#define NETPORT_SEGMENT_H

#include "options.h"
#include "rewrite.h"

static __always_inline bool np_before(__u32 a, __u32 b)
{
	return (__s32)(a - b) < 0;
}

/* What must not reach the other portal: the relay's own exchange with this one, until both have left it behind. */
static __always_inline bool np_is_preamble(const struct tcphdr *tcp, const struct np_flow *flow,
					   const struct np_leg *leg, const struct np_leg *other)
{
	return np_before(bpf_ntohl(tcp->seq), flow->first) && !(leg->marked && other->marked);
}

/*
 * How far what is learnt may lag behind: CPUs forward the two directions out of step, and a window that was rounded up to 1
 * lets more be sent than was announced. Whoever forges a segment still has to guess one number in thousands.
 */
#define NP_LEEWAY (1 << 20)

/* Nothing is acknowledged that the other leg has not sent. */
static __always_inline void np_observe_ack(const struct tcphdr *tcp, const struct np_flow *flow, struct np_leg *leg,
					   struct np_leg *other)
{
	__u32 ack = bpf_ntohl(tcp->ack_seq), theirs = ack + flow->ack_add;

	if (other->seen && np_before(other->next_seq + NP_LEEWAY, theirs))
		return;
	if (!leg->seen || !np_before(ack, leg->last_ack)) {
		leg->last_ack = ack;
		leg->window = (__u32)bpf_ntohs(tcp->window) << (flow->window_left & 15);
	}
	if (!np_before(ack, flow->marked))
		leg->marked = 1;
	if (other->fin && !np_before(theirs, other->fin_seq))
		other->fin_acked = 1;
}

/* Nothing is sent that the other leg does not wait for. */
static __always_inline void np_observe_data(const struct np_packet *packet, const struct np_flow *flow,
					    struct np_leg *leg, const struct np_leg *other)
{
	const struct tcphdr *tcp = packet->tcp;
	__u32 end = bpf_ntohl(tcp->seq) + packet->payload_bytes + tcp->fin;
	__u32 ahead = end + flow->seq_add - other->last_ack;

	if (other->seen && ahead > other->window + NP_LEEWAY)
		return;
	/* As the other portal will judge it (RFC 5961 §3.2). */
	if (tcp->rst && ahead <= other->window)
		leg->reset = 1;
	if (tcp->rst)
		return;
	if (!leg->seen || np_before(leg->next_seq, end))
		leg->next_seq = end;
	/* Nothing follows a FIN: one that something follows was forged. */
	if (leg->fin && np_before(leg->fin_seq, end)) {
		leg->fin = 0;
		leg->fin_acked = 0;
	}
	if (tcp->fin && !leg->fin) {
		leg->fin_seq = end;
		leg->fin = 1;
	}
}

static __always_inline void np_observe(const struct np_packet *packet, const struct np_flow *flow, struct np_leg *leg,
				       struct np_leg *other)
{
	np_observe_data(packet, flow, leg, other);
	if (packet->tcp->ack && !packet->tcp->rst)
		np_observe_ack(packet->tcp, flow, leg, other);
}

/* At an odd offset the bytes of a word are the other way round in the sum: a multiplication by 256 (RFC 1071 §2.B). */
static __always_inline __u64 np_add(__be32 *field, __u32 add, bool odd)
{
	__u64 difference = np_replace(field, bpf_htonl(bpf_ntohl(*field) + add));

	return odd ? difference << 8 : difference;
}

static __always_inline __u16 np_scale(__u16 window, const struct np_flow *flow)
{
	__u32 scaled = (__u32)window << (flow->window_left & 15) >> (flow->window_right & 15);

	/* A window that closes by rounding would never be probed. */
	if (window && !scaled)
		return 1;
	return scaled > 0xffff ? 0xffff : scaled;
}

static __always_inline __u64 np_rewrite_options(const struct np_packet *packet, const struct np_flow *flow,
						const struct np_options *options)
{
	bool ack = packet->tcp->ack;
	__u64 sum = 0;

	if (options->timestamps) {
		__be32 *stamps = np_in_header(packet, options->timestamps + 2, 8);

		if (stamps) {
			sum += np_add(stamps, flow->tsval_add, options->timestamps & 1);
			/* Without an acknowledgement it has no meaning (RFC 7323 §3.2). */
			if (ack)
				sum += np_add(stamps + 1, flow->tsecr_add, options->timestamps & 1);
		}
	}
	for (int i = 0; i < NP_SACK_BLOCKS && i < options->sack_blocks; i++) {
		__be32 *edges = np_in_header(packet, options->sack + 2 + 8 * i, 8);

		if (!edges)
			break;
		sum += np_add(edges, flow->ack_add, options->sack & 1);
		sum += np_add(edges + 1, flow->ack_add, options->sack & 1);
	}
	return sum;
}

/* `checksum`: it is the segment's. Otherwise only the skb knows what it is, and the caller asks the kernel to change it. */
static __always_inline struct np_sums np_rewrite_tcp(struct np_packet *packet, const struct np_flow *flow,
						     const struct np_options *options, bool checksum)
{
	struct np_sums sums = np_rewrite_addresses(packet, flow);
	struct tcphdr *tcp = packet->tcp;
	__u16 window;

	/* For the verifier, which does not remember that it was so. */
	if ((void *)(tcp + 1) > packet->end)
		return sums;
	window = tcp->window;
	sums.rest += np_add(&tcp->seq, flow->seq_add, false);
	if (tcp->ack)
		sums.rest += np_add(&tcp->ack_seq, flow->ack_add, false);
	tcp->window = bpf_htons(np_scale(bpf_ntohs(window), flow));
	sums.rest += np_difference(window, tcp->window);
	sums.rest += np_rewrite_options(packet, flow, options);
	if (checksum)
		tcp->check = np_checksum(tcp->check, sums.addresses + sums.rest);
	return sums;
}

#endif
