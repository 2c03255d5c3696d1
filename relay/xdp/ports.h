/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Ports of circuits before their packets are forwarded here: who sends to them, and how many binds pass. */
#ifndef NETPORT_PORTS_H
#define NETPORT_PORTS_H

#include "maps.h"
#include "parse.h"
#include "route.h"
#include "verdict.h"

#define NP_BIND_INTERVAL (1000000000ULL / NP_BIND_PER_SECOND)

struct np_bind {
	__be32 magic;
	__u8 version;
	__u8 kind;
	__be16 zero;
	__u32 circuit[4];
	__u8 proof[NP_BIND_BYTES - 24];
};

static __always_inline struct np_port *np_port_of(const struct np_packet *packet)
{
	struct np_port_key key = { .port = packet->key.local_port, .protocol = packet->key.protocol };

	return bpf_map_lookup_elem(&ports, &key);
}

/* NULL unless the datagram has a bind's shape. */
static __always_inline struct np_bind *np_bind_in(const struct np_packet *packet)
{
	struct np_bind *bind = (void *)(packet->udp + 1);

	if (packet->payload_bytes != NP_BIND_BYTES || (void *)(bind + 1) > packet->end)
		return NULL;
	return bind->magic == bpf_htonl(NP_BIND_MAGIC) && bind->version == NP_BIND_VERSION ? bind : NULL;
}

/* Two CPUs at once may let one bind too many pass, which harms nobody. */
static __always_inline bool np_spend(struct np_port *port, __u64 now)
{
	__u64 earned = (now - port->refilled) / NP_BIND_INTERVAL;

	if (earned) {
		port->budget = earned + port->budget > NP_BIND_BURST ? NP_BIND_BURST : earned + port->budget;
		port->refilled = now - (now - port->refilled) % NP_BIND_INTERVAL;
	}
	if (!port->budget)
		return false;
	port->budget--;
	return true;
}

static __always_inline void np_record(const struct np_packet *packet, struct np_sender *sender, __u64 now)
{
	sender->seen = now;
	__builtin_memcpy(sender->local, packet->local, sizeof(sender->local));
	sender->hop = np_hop_of(packet);
	bpf_map_update_elem(&senders, &packet->key, sender, BPF_ANY);
}

static __always_inline int np_judge_bind(const struct np_packet *packet, const struct np_bind *bind,
					 struct np_port *port)
{
	const __u32 *circuit = (const __u32 *)port->circuit;
	struct np_sender sender = {};
	__u64 now = bpf_ktime_get_ns();

	if ((bind->circuit[0] ^ circuit[0]) | (bind->circuit[1] ^ circuit[1]) | (bind->circuit[2] ^ circuit[2]) |
	    (bind->circuit[3] ^ circuit[3]))
		return NP_DROP_BIND_FLOOD;
	if (!np_spend(port, now))
		return NP_DROP_BIND_FLOOD;
	np_record(packet, &sender, now);
	return NP_PASS;
}

#endif
