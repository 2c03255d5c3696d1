// The one way in which a call fails, for an addon without an error class of its own.
#pragma once

#include <node_api.h>
#include <stddef.h>
#include <stdio.h>

// As in <uv.h>, which includes <netinet/tcp.h>: that cannot stand beside <linux/tcp.h>, which knows more.
char *uv_err_name_r(int error, char *text, size_t size);
char *uv_strerror_r(int error, char *text, size_t size);

// Throws an Error whose code is the name of `error` (an errno), and returns NULL for `return fail(…)`.
static inline napi_value fail(napi_env env, int error, const char *what)
{
	char code[64], why[128], message[256];

	uv_err_name_r(-error, code, sizeof(code));
	uv_strerror_r(-error, why, sizeof(why));
	snprintf(message, sizeof(message), "%s: %s", what, why);
	napi_throw_error(env, code, message);
	return NULL;
}
