/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#ifndef NETPORT_MAPS_H
#define NETPORT_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "shared.h"

#define NP_LEGS 8192

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, NP_LEGS);
	__type(key, struct np_flow_key);
	__type(value, struct np_flow);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, NP_LEGS);
	__type(key, __u32);
	__type(value, struct np_leg);
} legs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, NP_LEGS);
	__type(key, struct np_port_key);
	__type(value, struct np_port);
} ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 2 * NP_LEGS);
	__type(key, struct np_flow_key);
	__type(value, struct np_sender);
} senders SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, NP_LEGS);
	__type(key, __u32);
	__type(value, struct np_counter);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, NP_DROPS);
	__type(key, __u32);
	__type(value, __u64);
} drops SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, NP_LEGS / 2);
	__type(key, __u32);
	__type(value, struct np_circuit);
} circuits SEC(".maps");

/* Where XDP may send: key and value are the interface's index. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u32);
} devices SEC(".maps");

#endif
