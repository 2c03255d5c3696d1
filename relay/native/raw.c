// IP packets as they stand, with the relay's own address as their source. Needs CAP_NET_RAW.
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "legs.h"

// openRaw(4 or 6) → fd. It only sends: IPPROTO_RAW receives nothing, and implies that the header is in the packet.
napi_value open_raw(napi_env env, napi_callback_info info)
{
	napi_value argument;
	int version;

	read_arguments(env, info, 1, &argument);
	if (!read_int(env, argument, &version))
		return NULL;
	int fd = socket(version == 6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_RAW);
	return fd < 0 ? fail(env, errno, "open a raw socket") : new_number(env, fd);
}

// sendRaw(fd, packet): to where its header says. The kernel fills in the IPv4 checksum.
napi_value send_raw(napi_env env, napi_callback_info info)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} to;
	napi_value arguments[2];
	socklen_t to_size;
	struct bytes packet;
	int fd;

	read_arguments(env, info, 2, arguments);
	if (!read_int(env, arguments[0], &fd) || !read_bytes(env, arguments[1], &packet))
		return NULL;
	memset(&to, 0, sizeof(to));
	if (packet.size >= 20 && packet.data[0] >> 4 == 4) {
		to.v4.sin_family = AF_INET;
		memcpy(&to.v4.sin_addr, packet.data + 16, 4);
		to_size = sizeof(to.v4);
	} else if (packet.size >= 40 && packet.data[0] >> 4 == 6) {
		to.v6.sin6_family = AF_INET6;
		memcpy(&to.v6.sin6_addr, packet.data + 24, 16);
		to_size = sizeof(to.v6);
	} else {
		return fail(env, EINVAL, "send a packet without an IP header");
	}
	if (sendto(fd, packet.data, packet.size, 0, &to.any, to_size) < 0)
		return fail(env, errno, "send a packet");
	return NULL;
}

napi_value close_raw(napi_env env, napi_callback_info info)
{
	napi_value argument;
	int fd;

	read_arguments(env, info, 1, &argument);
	if (read_int(env, argument, &fd))
		close(fd);
	return NULL;
}
