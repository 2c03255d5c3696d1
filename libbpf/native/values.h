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

// What one JavaScript environment (main thread or worker) keeps: the class that its errors are made of.
struct instance {
	napi_ref error_class;
};

// Throws LibbpfError(message, errno, verifier log or undefined), and returns NULL for `return fail(…)`.
napi_value fail(napi_env env, int error, const char *log, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

// Reads exactly `count` arguments, missing ones as undefined.
void read_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *out);

// Each reads one argument; on a wrong type it throws and returns false.
bool read_bytes(napi_env env, napi_value value, struct bytes *out);
bool read_uint32(napi_env env, napi_value value, uint32_t *out);
// The caller frees *out.
bool read_string(napi_env env, napi_value value, char **out);

bool is_undefined(napi_env env, napi_value value);
// A property of an object, or undefined.
napi_value property(napi_env env, napi_value object, const char *name);

napi_value undefined(napi_env env);
napi_value new_number(napi_env env, double number);
napi_value new_string(napi_env env, const char *text);
napi_value new_object(napi_env env);
napi_value new_array(napi_env env);
// A zeroed Uint8Array; *data is its memory.
napi_value new_bytes(napi_env env, size_t size, void **data);
void set(napi_env env, napi_value object, const char *name, napi_value value);
void append(napi_env env, napi_value array, napi_value value);
