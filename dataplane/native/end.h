// How the other end of a stream socket has left.
#pragma once

#include <addon.h>

napi_value ended_in_order(napi_env env, napi_callback_info info);
