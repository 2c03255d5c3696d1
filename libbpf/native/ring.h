#pragma once

#include <node_api.h>

napi_value ring_open(napi_env env, napi_callback_info info);
napi_value ring_close(napi_env env, napi_callback_info info);
