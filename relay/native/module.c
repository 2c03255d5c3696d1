#include <stdio.h>
#include <uv.h>

#include "values.h"

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

bool read_int(napi_env env, napi_value value, int *out)
{
	double number;

	// Also bars what a conversion would silently turn into the descriptor 0.
	if (napi_get_value_double(env, value, &number) == napi_ok && number >= 0 && number <= INT32_MAX &&
	    number == (double)(int)number) {
		*out = (int)number;
		return true;
	}
	napi_throw_range_error(env, NULL, "expected an integer from 0 to 2147483647");
	return false;
}

bool read_bytes(napi_env env, napi_value value, uint8_t **data, size_t *size)
{
	napi_typedarray_type type;
	bool typed = false;

	napi_is_typedarray(env, value, &typed);
	if (typed)
		napi_get_typedarray_info(env, value, &type, size, (void **)data, NULL, NULL);
	if (typed && type == napi_uint8_array)
		return true;
	napi_throw_type_error(env, NULL, "expected a Uint8Array");
	return false;
}

napi_value new_object(napi_env env)
{
	napi_value value = NULL;

	napi_create_object(env, &value);
	return value;
}

void set_number(napi_env env, napi_value object, const char *name, double number)
{
	napi_value value = NULL;

	napi_create_double(env, number, &value);
	napi_set_named_property(env, object, name, value);
}

NAPI_MODULE_INIT()
{
	static const struct {
		const char *name;
		napi_callback call;
	} functions[] = {
		{ "setMaxSegment", set_max_segment }, { "freeze", freeze },     { "thaw", thaw },
		{ "openRaw", open_raw },	      { "sendRaw", send_raw },	{ "closeRaw", close_raw },
	};

	for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
		napi_value function = NULL;

		napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].call, NULL, &function);
		napi_set_named_property(env, exports, functions[i].name, function);
	}
	return exports;
}
