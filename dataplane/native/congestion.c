#include "congestion.h"

#include <errno.h>
#include <fail.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

// setCongestion(descriptor of a TCP socket, name): which congestion control it follows from now on
napi_value set_congestion(napi_env env, napi_callback_info info)
{
	napi_value arguments[2];
	uint32_t fd;
	char name[16]; // TCP_CA_NAME_MAX
	size_t length;

	read_arguments(env, info, 2, arguments);
	if (!read_integer(env, arguments[0], INT32_MAX, &fd))
		return NULL;
	if (napi_get_value_string_utf8(env, arguments[1], name, sizeof(name), &length) != napi_ok)
		return fail(env, EINVAL, "expected a name");
	if (setsockopt((int)fd, IPPROTO_TCP, TCP_CONGESTION, name, (socklen_t)length))
		return fail(env, errno, "set the congestion control of a TCP socket");
	return NULL;
}
