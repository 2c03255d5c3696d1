#pragma once

#include <node_api.h>

napi_value link_create(napi_env env, napi_callback_info info);
napi_value filter_create(napi_env env, napi_callback_info info);
napi_value link_info(napi_env env, napi_callback_info info);
napi_value link_update(napi_env env, napi_callback_info info);
napi_value interface_index(napi_env env, napi_callback_info info);
