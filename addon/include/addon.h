// JavaScript values in and out: what every addon needs of Node-API.
#pragma once

#include <inttypes.h>
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

// Memory of a Uint8Array: valid until JavaScript runs again.
struct bytes {
	uint8_t *data;
	size_t size;
};

struct function {
	const char *name;
	napi_callback call;
};

// Reads exactly `count` arguments, missing ones as undefined.
static inline void read_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *out)
{
	napi_get_cb_info(env, info, &count, out, NULL, NULL);
}

// Each reads one argument; on a wrong type it throws and returns false.
static inline bool read_bytes(napi_env env, napi_value value, struct bytes *out)
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

static inline bool read_integer(napi_env env, napi_value value, uint32_t most, uint32_t *out)
{
	char message[64];
	double number;

	// Also bars what a conversion would silently turn into something else, such as the descriptor 0.
	if (napi_get_value_double(env, value, &number) == napi_ok && number >= 0 && number <= most &&
	    number == (double)(uint32_t)number) {
		*out = (uint32_t)number;
		return true;
	}
	snprintf(message, sizeof(message), "expected an integer from 0 to %" PRIu32, most);
	napi_throw_range_error(env, NULL, message);
	return false;
}

static inline napi_value new_number(napi_env env, double number)
{
	napi_value value = NULL;

	napi_create_double(env, number, &value);
	return value;
}

static inline napi_value new_string(napi_env env, const char *text)
{
	napi_value value = NULL;

	napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value);
	return value;
}

static inline napi_value new_object(napi_env env)
{
	napi_value value = NULL;

	napi_create_object(env, &value);
	return value;
}

static inline void set(napi_env env, napi_value object, const char *name, napi_value value)
{
	napi_set_named_property(env, object, name, value);
}

static inline void set_number(napi_env env, napi_value object, const char *name, double number)
{
	set(env, object, name, new_number(env, number));
}

static inline void set_functions(napi_env env, napi_value object, const struct function *functions, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		napi_value function = NULL;

		napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].call, NULL, &function);
		set(env, object, functions[i].name, function);
	}
}
