// JavaScript values in and out, and the one way in which a call fails.
#pragma once

#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Throws an Error whose code is the name of `error` (an errno), and returns NULL for `return fail(…)`.
napi_value fail(napi_env env, int error, const char *what);

// Reads exactly `count` arguments, missing ones as undefined.
void read_arguments(napi_env env, napi_callback_info info, size_t count, napi_value *out);
// Each reads one argument; on a wrong type it throws and returns false.
bool read_int(napi_env env, napi_value value, int *out);
bool read_bytes(napi_env env, napi_value value, uint8_t **data, size_t *size);

napi_value new_object(napi_env env);
void set_number(napi_env env, napi_value object, const char *name, double number);

napi_value set_max_segment(napi_env env, napi_callback_info info);
napi_value freeze(napi_env env, napi_callback_info info);
napi_value thaw(napi_env env, napi_callback_info info);
napi_value open_raw(napi_env env, napi_callback_info info);
napi_value send_raw(napi_env env, napi_callback_info info);
napi_value close_raw(napi_env env, napi_callback_info info);
