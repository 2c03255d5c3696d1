#pragma once

#include <node_api.h>

napi_value test_run(napi_env env, napi_callback_info info);
