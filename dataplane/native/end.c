#include "end.h"

#include <sys/socket.h>

// endedInOrder(descriptor of a stream socket): whether reading on would find an end: no bytes, and no error
napi_value ended_in_order(napi_env env, napi_callback_info info)
{
	napi_value argument, in_order = NULL;
	uint32_t fd;
	char byte;

	read_arguments(env, info, 1, &argument);
	if (!read_integer(env, argument, INT32_MAX, &fd))
		return NULL;
	napi_get_boolean(env, recv((int)fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0, &in_order);
	return in_order;
}
