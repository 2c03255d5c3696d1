// What is done to the descriptors of legs.
#pragma once

#include <addon.h>
#include <fail.h>

// Reads what C calls an int: a descriptor, a size.
static inline bool read_int(napi_env env, napi_value value, int *out)
{
	uint32_t number = 0;
	bool read = read_integer(env, value, INT32_MAX, &number);

	*out = (int)number;
	return read;
}

napi_value set_max_segment(napi_env env, napi_callback_info info);
napi_value freeze(napi_env env, napi_callback_info info);
napi_value thaw(napi_env env, napi_callback_info info);
napi_value open_raw(napi_env env, napi_callback_info info);
napi_value send_raw(napi_env env, napi_callback_info info);
napi_value close_raw(napi_env env, napi_callback_info info);
