#pragma once

#include <node_api.h>

void object_init(void);
napi_value object_load(napi_env env, napi_callback_info info);
