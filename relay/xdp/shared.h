/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * What the program and the relay both read. src/datapath/kernel/layout.ts says the same in TypeScript, and a test compares
 * the two. Addresses are 16 bytes, IPv4 as ::ffff:a.b.c.d (RFC 4291 §2.5.5.2). Ports are in network order, every other
 * number in host order. "From a leg" means sent by the portal of that leg.
 */
#ifndef NETPORT_SHARED_H
#define NETPORT_SHARED_H

#include <linux/types.h>

/* Pinned maps of another version are not adopted. */
#define NP_LAYOUT_VERSION 1

/* The leg bind over UDP, docs/protocol.md §5: what decides whether a datagram is one. */
#define NP_BIND_BYTES 64
#define NP_BIND_MAGIC 0x0b4e5042 /* 0x0b 'N' 'P' 'B' in network order */
#define NP_BIND_VERSION 1

/* Binds that reach the relay's process: this many at once and a second, for each port. */
#define NP_BIND_BURST 64
#define NP_BIND_PER_SECOND 64

/* Who sends, and to which port of ours. */
struct np_flow_key {
	__u8 remote[16];
	__be16 remote_port;
	__be16 local_port;
	__u32 protocol; /* IPPROTO_UDP or IPPROTO_TCP; wide, so that a key has no padding */
};

enum np_flow_flags {
	/* The next hop is this machine: rewrite and pass up. */
	NP_DELIVER = 1,
	/* TCP: both legs have timestamps; a segment without them, RST aside, is not theirs. */
	NP_TIMESTAMPS = 2,
};

/* flows: what becomes of a packet of that sender. Never written by the program. */
struct np_flow {
	__u8 local[16];       /* the address of ours that it must have come to */
	__u8 next_local[16];  /* source and destination of what goes out */
	__u8 next_remote[16];
	__be16 next_local_port;
	__be16 next_remote_port;
	__u32 leg;            /* index in legs and counters; leg ^ 1 is the other one of the circuit */
	/* TCP only, all added modulo 2^32 */
	__u32 seq_add;
	__u32 ack_add;        /* SACK blocks too */
	__u32 tsval_add;
	__u32 tsecr_add;
	__u32 first;          /* the first sequence number that belongs to the other portal */
	__u32 marked;         /* an acknowledgement from here on shows that the ready mark has arrived */
	__u8 window_left;     /* window' = min(65535, (window << left) >> right), never from nonzero to 0 */
	__u8 window_right;
	__u8 flags;           /* enum np_flow_flags */
	__u8 zero;
};

/* The way back to a leg, learnt from what comes from it. */
struct np_hop {
	__u32 ifindex;        /* where it comes in */
	__u8 ours[6];         /* destination of its frames */
	__u8 theirs[6];       /* source of its frames */
	__u16 outer_vlan;     /* TCI, 0 without */
	__u16 inner_vlan;
};

/*
 * legs: what the program saw of a leg that it forwards. Set to zero before a flow names it; TCP: with next_seq, last_ack,
 * window as its socket had them.
 */
struct np_leg {
	__u64 seen;           /* bpf_ktime_get_ns() of the last packet from it */
	struct np_hop hop;
	/* TCP only, in this leg's own numbers */
	__u32 next_seq;       /* behind the last byte that it sent */
	__u32 last_ack;       /* the highest acknowledgement from it */
	__u32 window;         /* in bytes, as last announced by it */
	__u32 fin_seq;        /* behind its FIN */
	__u8 marked;          /* it has acknowledged the ready mark */
	__u8 fin;             /* it has sent FIN */
	__u8 fin_acked;       /* and the other leg has acknowledged that */
	__u8 reset;           /* it has sent an RST that is inside the other leg's window */
};

/* ports: ports of circuits that are not (yet) forwarded here. Key: np_port_key. */
struct np_port_key {
	__be16 port;
	__u8 protocol;
	__u8 zero;
};

struct np_port {
	__u8 circuit[16];
	/* UDP only: binds that may still pass, and when that was last counted (bpf_ktime_get_ns). Set to zero. */
	__u64 refilled;
	__u32 budget;
	__u32 zero;
};

/* senders: what was last seen of whoever sends to such a port (LRU). Key: np_flow_key. */
struct np_sender {
	__u64 seen;
	__u8 local[16];       /* the address of ours that it sends to */
	struct np_hop hop;
	__u32 tsval;          /* TCP: of its last segment that had one */
	__u16 window;         /* TCP: as it stands in the header */
	__u8 timestamps;      /* TCP: its last segment had them */
	__u8 zero[5];
};

/* counters: per CPU, index as in legs. What came from a leg and was forwarded. */
struct np_counter {
	__u64 packets;        /* on the wire: a segment of 64 KiB counts as what it will be cut into */
	__u64 bytes;          /* behind the UDP or TCP header */
};

/* circuits: by slot = leg >> 1. Written and read by the relay only, for the process that comes after it. */
struct np_circuit {
	__u8 id[16];
	struct np_flow_key first;
	struct np_flow_key second;
	__u64 since;          /* ms since the epoch; 0: this slot is free */
	__u8 datapath;        /* 1: xdp, 2: tc */
	__u8 zero[7];
};

/* drops: per CPU, index NP_DROP_…, a __u64 each. */
enum np_drop {
	NP_DROP_UNBOUND,      /* UDP to a port of a circuit, from nobody whom we know, and no bind */
	NP_DROP_BIND_FLOOD,   /* binds past the budget of their port, or of another circuit */
	NP_DROP_FOREIGN,      /* of a known sender, but to another address of ours */
	NP_DROP_FRAGMENT,
	NP_DROP_OPTIONS,      /* IP options or extension headers on a flow */
	NP_DROP_TRUNCATED,    /* shorter than its headers say */
	NP_DROP_CHECKSUM,     /* UDP over IPv6 without a checksum */
	NP_DROP_TTL,
	NP_DROP_TOO_BIG,      /* for the way to the other leg */
	NP_DROP_NO_ROUTE,
	NP_DROP_SYN,          /* SYN on a promoted tuple */
	NP_DROP_PREAMBLE,     /* what belongs to the relay, sent again */
	NP_DROP_TIMESTAMP,    /* no timestamps where both legs agreed on them, or malformed TCP options */
	NP_DROPS,
};

#endif
