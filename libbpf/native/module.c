#include <stdlib.h>

#include "handles.h"
#include "link.h"
#include "map.h"
#include "object.h"
#include "ring.h"
#include "run.h"

static void forget(napi_env env, void *instance, void *hint)
{
	(void)env;
	(void)hint;
	free(instance);
}

// useErrorClass(LibbpfError): called once, before anything else.
static napi_value use_error_class(napi_env env, napi_callback_info info)
{
	napi_value class;
	struct instance *instance = NULL;

	read_arguments(env, info, 1, &class);
	napi_get_instance_data(env, (void **)&instance);
	napi_create_reference(env, class, 1, &instance->error_class);
	return NULL;
}

NAPI_MODULE_INIT()
{
	static const struct function functions[] = {
		{ "useErrorClass", use_error_class },
		{ "loadObject", object_load },
		{ "close", handle_close },
		{ "pin", handle_pin },
		{ "openPinned", handle_open_pinned },
		{ "mapGet", map_get },
		{ "mapSet", map_set },
		{ "mapDelete", map_delete },
		{ "mapNextKey", map_next_key },
		{ "mapReadBatch", map_read_batch },
		{ "linkCreate", link_create },
		{ "filterCreate", filter_create },
		{ "linkInfo", link_info },
		{ "linkUpdate", link_update },
		{ "interfaceIndex", interface_index },
		{ "ringOpen", ring_open },
		{ "ringClose", ring_close },
		{ "testRun", test_run },
	};
	struct instance *instance = calloc(1, sizeof(*instance));

	napi_set_instance_data(env, instance, forget, NULL);
	set_functions(env, exports, functions, sizeof(functions) / sizeof(*functions));
	object_init();
	return exports;
}
