// JavaScript values in and out, and the one way in which a call fails.
#pragma once

#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bytes {
	uint8_t *data;
	size_t size;
};

// Throws an Error whose code is the name of `error` (an errno), and returns NULL for `return fail(…)`.
napi_value fail(napi_env env, int error, const char *what);

// Reads exactly `count` arguments, missing ones as undefined.
void read_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *out);

// Each reads one argument; on a wrong type it throws and returns false. Memory stays valid until JavaScript runs again.
bool read_count(napi_env env, napi_value value, uint32_t *out);
bool read_bytes(napi_env env, napi_value value, struct bytes *out);

napi_value new_number(napi_env env, double number);
void set(napi_env env, napi_value object, const char *name, napi_value value);
