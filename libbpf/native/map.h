#pragma once

#include <node_api.h>

napi_value map_get(napi_env env, napi_callback_info info);
napi_value map_set(napi_env env, napi_callback_info info);
napi_value map_delete(napi_env env, napi_callback_info info);
napi_value map_next_key(napi_env env, napi_callback_info info);
napi_value map_read_batch(napi_env env, napi_callback_info info);
