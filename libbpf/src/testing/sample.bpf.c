// What the tests load: every kind of map, and programs whose effects can be seen from outside.
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <bpf/bpf_helpers.h>

struct flow {
	__u16 port;
	__u64 packets;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct flow);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u32);
} totals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 16);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, __u32);
} prefixes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps");

const volatile __u32 verdict = XDP_TX;

static void count(__u32 index)
{
	__u32 *total = bpf_map_lookup_elem(&totals, &index);

	if (total)
		*total += 1;
}

SEC("xdp")
int swap(struct xdp_md *context)
{
	struct ethhdr *frame = (void *)(long)context->data;
	unsigned char address[ETH_ALEN];

	if ((void *)(frame + 1) > (void *)(long)context->data_end)
		return XDP_DROP;
	__builtin_memcpy(address, frame->h_dest, ETH_ALEN);
	__builtin_memcpy(frame->h_dest, frame->h_source, ETH_ALEN);
	__builtin_memcpy(frame->h_source, address, ETH_ALEN);
	count(0);
	return verdict;
}

SEC("xdp")
int pass(struct xdp_md *context)
{
	count(0);
	return XDP_PASS;
}

SEC("xdp")
int report(struct xdp_md *context)
{
	__u64 size = context->data_end - context->data;

	bpf_ringbuf_output(&events, &size, sizeof(size), 0);
	return XDP_PASS;
}

SEC("tc")
int watch(struct __sk_buff *packet)
{
	count(1);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
