// Attaching. Links are raw bpf_link file descriptors: tcx then needs the kernel only, not a libbpf that knows its name.
#include "link.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stdlib.h>

#include "handles.h"

// enum bpf_attach_type of Linux 6.6, for building against older headers.
enum { TCX_INGRESS = 46, TCX_EGRESS = 47 };

// linkCreate(program, ifindex, point: 'xdp-native' | 'xdp-generic' | 'tcx-ingress' | 'tcx-egress' as 0…3) → link
napi_value link_create(napi_env env, napi_callback_info info)
{
	static const struct {
		int type;
		uint32_t flags;
	} points[] = { { BPF_XDP, XDP_FLAGS_DRV_MODE }, { BPF_XDP, XDP_FLAGS_SKB_MODE }, { TCX_INGRESS, 0 }, { TCX_EGRESS, 0 } };
	napi_value arguments[3];
	uint32_t ifindex, point;

	read_arguments(env, info, 3, arguments);
	struct handle *program = read_handle(env, arguments[0], KIND_PROGRAM);
	if (!program || !read_uint32(env, arguments[1], &ifindex) || !read_uint32(env, arguments[2], &point))
		return NULL;
	if (point >= sizeof(points) / sizeof(*points))
		return fail(env, EINVAL, NULL, "attach point %u", point);
	LIBBPF_OPTS(bpf_link_create_opts, options, .flags = points[point].flags);
	int fd = bpf_link_create(program->fd, (int)ifindex, (enum bpf_attach_type)points[point].type, &options);
	return fd < 0 ? fail(env, -fd, NULL, "attach to interface %u", ifindex) : new_link(env, fd);
}

// filterCreate(program, ifindex, egress: 0 | 1) → filter on the interface's clsact qdisc, which is made when missing
napi_value filter_create(napi_env env, napi_callback_info info)
{
	napi_value arguments[3];
	uint32_t ifindex, egress;

	read_arguments(env, info, 3, arguments);
	struct handle *program = read_handle(env, arguments[0], KIND_PROGRAM);
	if (!program || !read_uint32(env, arguments[1], &ifindex) || !read_uint32(env, arguments[2], &egress))
		return NULL;
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = egress ? BPF_TC_EGRESS : BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, filter, .prog_fd = program->fd);
	int error = bpf_tc_hook_create(&hook);
	if (!error || error == -EEXIST)
		error = bpf_tc_attach(&hook, &filter);
	return error ? fail(env, -error, NULL, "attach to clsact of interface %u", ifindex) : new_filter(env, &hook, &filter);
}

// linkInfo(link) → { id, programId, ifindex }; ifindex 0: the interface is gone
napi_value link_info(napi_env env, napi_callback_info info)
{
	napi_value argument;
	struct bpf_link_info link_info = {};
	uint32_t size = sizeof(link_info);

	read_arguments(env, info, 1, &argument);
	struct handle *link = read_handle(env, argument, KIND_LINK);
	if (!link)
		return NULL;
	int error = bpf_obj_get_info_by_fd(link->fd, &link_info, &size);
	if (error)
		return fail(env, -error, NULL, "read a link's description");
	napi_value description = new_object(env);
	set_number(env, description, "id", link_info.id);
	set_number(env, description, "programId", link_info.prog_id);
	// tcx keeps its ifindex at the same place of the union.
	set_number(env, description, "ifindex", link_info.xdp.ifindex);
	return description;
}

// linkUpdate(link, program): the next packet sees the new program, none sees neither
napi_value link_update(napi_env env, napi_callback_info info)
{
	napi_value arguments[2];

	read_arguments(env, info, 2, arguments);
	struct handle *link = read_handle(env, arguments[0], KIND_LINK);
	struct handle *program = link ? read_handle(env, arguments[1], KIND_PROGRAM) : NULL;
	if (!program)
		return NULL;
	int error = bpf_link_update(link->fd, program->fd, NULL);
	return error ? fail(env, -error, NULL, "replace a link's program") : NULL;
}

// interfaceIndex(name) → number
napi_value interface_index(napi_env env, napi_callback_info info)
{
	napi_value argument;
	char *name;

	read_arguments(env, info, 1, &argument);
	if (!read_string(env, argument, &name))
		return NULL;
	uint32_t index = if_nametoindex(name);
	napi_value result = index ? new_number(env, index) : fail(env, errno, NULL, "interface %s", name);
	free(name);
	return result;
}
