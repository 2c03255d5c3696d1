#include "values.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

napi_value fail(napi_env env, int error, const char *log, const char *format, ...)
{
	char what[512], why[128], message[768];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	libbpf_strerror(error, why, sizeof(why));
	snprintf(message, sizeof(message), "%s: %s", what, why);

	struct instance *instance = NULL;
	napi_value class = NULL, thrown = NULL;
	napi_get_instance_data(env, (void **)&instance);
	napi_get_reference_value(env, instance->error_class, &class);
	napi_value parts[] = { new_string(env, message), new_number(env, error),
			       log && *log ? new_string(env, log) : undefined(env) };
	if (napi_new_instance(env, class, 3, parts, &thrown) == napi_ok)
		napi_throw(env, thrown);
	return NULL;
}

bool read_string(napi_env env, napi_value value, char **out)
{
	size_t size;

	if (napi_get_value_string_utf8(env, value, NULL, 0, &size) != napi_ok) {
		napi_throw_type_error(env, NULL, "expected a string");
		return false;
	}
	*out = malloc(size + 1);
	if (!*out) {
		fail(env, ENOMEM, NULL, "read a string");
		return false;
	}
	napi_get_value_string_utf8(env, value, *out, size + 1, &size);
	return true;
}

bool is_undefined(napi_env env, napi_value value)
{
	napi_valuetype type = napi_undefined;

	napi_typeof(env, value, &type);
	return type == napi_undefined;
}

napi_value property(napi_env env, napi_value object, const char *name)
{
	napi_value value = NULL;

	return napi_get_named_property(env, object, name, &value) == napi_ok ? value : undefined(env);
}

napi_value undefined(napi_env env)
{
	napi_value value = NULL;

	napi_get_undefined(env, &value);
	return value;
}

napi_value new_array(napi_env env)
{
	napi_value value = NULL;

	napi_create_array(env, &value);
	return value;
}

napi_value new_bytes(napi_env env, size_t size, void **data)
{
	napi_value buffer = NULL, value = NULL;

	*data = NULL;
	napi_create_arraybuffer(env, size, data, &buffer);
	napi_create_typedarray(env, napi_uint8_array, size, buffer, 0, &value);
	return value;
}

void append(napi_env env, napi_value array, napi_value value)
{
	uint32_t length = 0;

	napi_get_array_length(env, array, &length);
	napi_set_element(env, array, length, value);
}
