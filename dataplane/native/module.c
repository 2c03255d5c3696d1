#include "congestion.h"
#include "end.h"
#include "socket.h"

NAPI_MODULE_INIT()
{
	static const struct function functions[] = {
		{ "open", socket_open },
		{ "listen", socket_listen },
		{ "name", socket_name },
		{ "close", socket_close },
		{ "describe", socket_describe },
		{ "receive", socket_receive },
		{ "send", socket_send },
		{ "setCongestion", set_congestion },
		{ "endedInOrder", ended_in_order },
	};

	set_functions(env, exports, functions, sizeof(functions) / sizeof(*functions));
	return exports;
}
