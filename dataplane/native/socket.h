// A UDP socket that the event loop watches.
#pragma once

#include <addon.h>
#include <fail.h>
#include <netinet/in.h>
#include <watch.h>

enum {
	NAME = sizeof(struct sockaddr_in6), // bytes of a peer's name, as the kernel writes it, and zeros
};

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
napi_value socket_listen(napi_env env, napi_callback_info info);
napi_value socket_describe(napi_env env, napi_callback_info info);
napi_value socket_name(napi_env env, napi_callback_info info);
napi_value socket_close(napi_env env, napi_callback_info info);
napi_value socket_receive(napi_env env, napi_callback_info info);
napi_value socket_send(napi_env env, napi_callback_info info);
