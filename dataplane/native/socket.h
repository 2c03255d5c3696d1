// A connected UDP socket that the event loop watches.
#pragma once

#include <addon.h>
#include <fail.h>
#include <watch.h>

struct udp_socket {
	struct watch watch;
	int fd; // -1 once closed
	// Datagrams of this size and above are not given to the kernel as segments of one: it, or the path, refused.
	size_t unsegmentable;
};

static inline bool read_count(napi_env env, napi_value value, uint32_t *out)
{
	return read_integer(env, value, INT32_MAX, out);
}

// The open socket, or NULL with an error thrown.
struct udp_socket *read_socket(napi_env env, napi_value value);

napi_value socket_open(napi_env env, napi_callback_info info);
napi_value socket_name(napi_env env, napi_callback_info info);
napi_value socket_close(napi_env env, napi_callback_info info);
napi_value socket_receive(napi_env env, napi_callback_info info);
napi_value socket_send(napi_env env, napi_callback_info info);
