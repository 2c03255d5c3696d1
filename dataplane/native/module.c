#include <errno.h>
#include <stdio.h>

#include "socket.h"

napi_value fail(napi_env env, int error, const char *what)
{
	char code[64], why[128], message[256];

	uv_err_name_r(-error, code, sizeof(code));
	uv_strerror_r(-error, why, sizeof(why));
	snprintf(message, sizeof(message), "%s: %s", what, why);
	napi_throw_error(env, code, message);
	return NULL;
}

void read_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *out)
{
	napi_get_cb_info(env, info, &count, out, NULL, NULL);
}

bool read_count(napi_env env, napi_value value, uint32_t *out)
{
	double number;

	// Also bars what a conversion would silently turn into something else.
	if (napi_get_value_double(env, value, &number) == napi_ok && number >= 0 && number <= INT32_MAX &&
	    number == (double)(uint32_t)number) {
		*out = (uint32_t)number;
		return true;
	}
	napi_throw_range_error(env, NULL, "expected an integer from 0 to 2147483647");
	return false;
}

bool read_bytes(napi_env env, napi_value value, struct bytes *out)
{
	napi_typedarray_type type;
	bool typed = false;

	napi_is_typedarray(env, value, &typed);
	if (typed && napi_get_typedarray_info(env, value, &type, &out->size, (void **)&out->data, NULL, NULL) == napi_ok &&
	    type == napi_uint8_array)
		return true;
	napi_throw_type_error(env, NULL, "expected a Uint8Array");
	return false;
}

napi_value new_number(napi_env env, double number)
{
	napi_value value = NULL;

	napi_create_double(env, number, &value);
	return value;
}

void set(napi_env env, napi_value object, const char *name, napi_value value)
{
	napi_set_named_property(env, object, name, value);
}

NAPI_MODULE_INIT()
{
	static const struct {
		const char *name;
		napi_callback call;
	} functions[] = {
		{ "open", socket_open },       { "name", socket_name }, { "close", socket_close },
		{ "receive", socket_receive }, { "send", socket_send },
	};

	for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
		napi_value function = NULL;

		napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].call, NULL, &function);
		set(env, exports, functions[i].name, function);
	}
	return exports;
}
