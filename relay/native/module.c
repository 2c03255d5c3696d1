#include "legs.h"

NAPI_MODULE_INIT()
{
	static const struct function functions[] = {
		{ "setMaxSegment", set_max_segment }, { "freeze", freeze },     { "thaw", thaw },
		{ "openRaw", open_raw },	      { "sendRaw", send_raw },	{ "closeRaw", close_raw },
	};

	set_functions(env, exports, functions, sizeof(functions) / sizeof(*functions));
	return exports;
}
