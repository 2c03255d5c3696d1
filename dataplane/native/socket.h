// A connected UDP socket that the event loop watches.
#pragma once

#include <uv.h>

#include "values.h"

struct udp_socket {
	napi_env env;
	int fd; // -1 once closed
	uv_poll_t poll;
	napi_ref listener;
	napi_async_context context;
	napi_async_cleanup_hook_handle cleanup;
	// Datagrams of this size and above are not given to the kernel as segments of one: it, or the path, refused.
	size_t unsegmentable;
	bool exiting;
	// Memory goes when both the event loop and JavaScript have let go of it.
	bool closed, collected;
};

// The open socket, or NULL with an error thrown.
struct udp_socket *read_socket(napi_env env, napi_value value);

napi_value socket_open(napi_env env, napi_callback_info info);
napi_value socket_name(napi_env env, napi_callback_info info);
napi_value socket_close(napi_env env, napi_callback_info info);
napi_value socket_receive(napi_env env, napi_callback_info info);
napi_value socket_send(napi_env env, napi_callback_info info);
