// How a TCP socket finds out what its path carries.
#pragma once

#include <addon.h>

napi_value set_congestion(napi_env env, napi_callback_info info);
