// What JavaScript holds of the kernel: one file descriptor (or one clsact filter) each, owned, closed once.
#pragma once

#include <bpf/libbpf.h>

#include "values.h"

enum kind { KIND_PROGRAM, KIND_MAP, KIND_LINK, KIND_FILTER };

struct handle {
	enum kind kind;
	int fd; // -1 once closed; unused by a filter
	// Maps: sizes as the kernel copies them, so that no call can read or write past a buffer.
	uint32_t key_size;
	uint32_t value_size;
	// Filters on a clsact qdisc outlive their file descriptors, so they are removed by name.
	int ifindex;
	enum bpf_tc_attach_point point;
	uint32_t filter, priority;
	struct handle *next;
};

// Takes `fd` over (closes it when it cannot) and describes it: { handle, name, type, … }.
napi_value new_program(napi_env env, int fd, const char *name, const char *section);
napi_value new_map(napi_env env, int fd, const char *name);
napi_value new_link(napi_env env, int fd);
napi_value new_filter(napi_env env, const struct bpf_tc_hook *hook, const struct bpf_tc_opts *filter);

// The open handle of that kind, or NULL with an error thrown.
struct handle *read_handle(napi_env env, napi_value value, enum kind kind);

napi_value handle_close(napi_env env, napi_callback_info info);
napi_value handle_pin(napi_env env, napi_callback_info info);
napi_value handle_open_pinned(napi_env env, napi_callback_info info);
