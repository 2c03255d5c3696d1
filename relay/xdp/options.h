/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* TCP options (RFC 9293 §3.1, RFC 7323, RFC 2018). */
#ifndef NETPORT_OPTIONS_H
#define NETPORT_OPTIONS_H

#include "parse.h"

#define NP_OPTION_END 0
#define NP_OPTION_NOP 1
#define NP_OPTION_SACK 5
#define NP_OPTION_TIMESTAMPS 8
#define NP_TIMESTAMPS_BYTES 10
#define NP_SACK_BLOCKS 4
/* No stack writes more; it bounds what the verifier has to follow. */
#define NP_OPTIONS 16

/*
 * Where they stand, from the TCP header on; 0: not there. Volatile bytes, because the verifier forgets what it knew of a
 * byte in memory: numbers in registers it would follow in every combination.
 */
struct np_options {
	volatile __u8 timestamps;
	volatile __u8 sack;
	volatile __u8 sack_blocks;
};

/* NULL where that many bytes there cannot be read. clang would otherwise drop the bound that the verifier asks for. */
static __always_inline void *np_in_header(const struct np_packet *packet, __u32 at, __u32 bytes)
{
	void *there;

	barrier_var(at);
	if (at > 60)
		return NULL;
	there = packet->transport + at;
	return there + bytes > packet->end ? NULL : there;
}

/* False: malformed. */
static __always_inline bool np_find_options(const struct np_packet *packet, struct np_options *options)
{
	__u32 end = packet->tcp->doff * 4, left = end - sizeof(struct tcphdr);

	for (int i = 0; i < NP_OPTIONS; i++) {
		__u8 *option, *size;
		__u32 at;

		/* Counted down from a number that the verifier cannot know: it would follow every sum of lengths by itself. */
		barrier_var(left);
		if (!left)
			return true;
		at = end - left;
		option = np_in_header(packet, at, 1);
		if (!option)
			return false;
		if (*option == NP_OPTION_END)
			return true;
		if (*option == NP_OPTION_NOP) {
			left--;
			continue;
		}
		size = np_in_header(packet, at + 1, 1);
		if (!size || *size < 2 || *size > left)
			return false;
		if (*option == NP_OPTION_TIMESTAMPS) {
			if (*size != NP_TIMESTAMPS_BYTES || options->timestamps)
				return false;
			options->timestamps = at;
		} else if (*option == NP_OPTION_SACK) {
			if ((*size - 2U) % 8 || *size > 2 + 8 * NP_SACK_BLOCKS || options->sack)
				return false;
			options->sack = at;
			options->sack_blocks = (*size - 2U) / 8;
		}
		left -= *size;
	}
	return !left;
}

static __always_inline __u32 np_tsval(const struct np_packet *packet, const struct np_options *options)
{
	__be32 *tsval = np_in_header(packet, options->timestamps + 2, 4);

	return tsval ? bpf_ntohl(*tsval) : 0;
}

#endif
