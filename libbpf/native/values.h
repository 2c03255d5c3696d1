// JavaScript values that this addon alone needs, and the one way in which a call fails.
#pragma once

#include <addon.h>

// What one JavaScript environment (main thread or worker) keeps: the class that its errors are made of.
struct instance {
	napi_ref error_class;
};

// Throws LibbpfError(message, errno, verifier log or undefined), and returns NULL for `return fail(…)`.
napi_value fail(napi_env env, int error, const char *log, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

// Each reads one argument; on a wrong type it throws and returns false.
static inline bool read_uint32(napi_env env, napi_value value, uint32_t *out)
{
	return read_integer(env, value, UINT32_MAX, out);
}
// The caller frees *out.
bool read_string(napi_env env, napi_value value, char **out);

bool is_undefined(napi_env env, napi_value value);
// A property of an object, or undefined.
napi_value property(napi_env env, napi_value object, const char *name);

napi_value undefined(napi_env env);
napi_value new_array(napi_env env);
// A zeroed Uint8Array; *data is its memory.
napi_value new_bytes(napi_env env, size_t size, void **data);
void append(napi_env env, napi_value array, napi_value value);
