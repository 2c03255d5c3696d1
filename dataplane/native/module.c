#include "socket.h"

NAPI_MODULE_INIT()
{
	static const struct function functions[] = {
		{ "open", socket_open },       { "name", socket_name }, { "close", socket_close },
		{ "receive", socket_receive }, { "send", socket_send },
	};

	set_functions(env, exports, functions, sizeof(functions) / sizeof(*functions));
	return exports;
}
