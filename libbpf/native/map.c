// Maps: every buffer is measured against the map's sizes before the kernel sees it.
#include "map.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>

#include "handles.h"

static bool read_sized(napi_env env, napi_value value, uint32_t size, const char *what, struct bytes *out)
{
	if (!read_bytes(env, value, out))
		return false;
	if (out->size == size)
		return true;
	fail(env, EINVAL, NULL, "a %s of %zu bytes where the map has %u", what, out->size, size);
	return false;
}

// mapGet(map, key) → bytes or undefined
napi_value map_get(napi_env env, napi_callback_info info)
{
	napi_value arguments[2];
	struct bytes key;
	void *data;

	read_arguments(env, info, 2, arguments);
	struct handle *map = read_handle(env, arguments[0], KIND_MAP);
	if (!map || !read_sized(env, arguments[1], map->key_size, "key", &key))
		return NULL;
	napi_value value = new_bytes(env, map->value_size, &data);
	if (!data)
		return fail(env, ENOMEM, NULL, "read a map entry");
	int error = bpf_map_lookup_elem(map->fd, key.data, data);
	if (error == -ENOENT)
		return NULL;
	return error ? fail(env, -error, NULL, "read a map entry") : value;
}

// mapSet(map, key, value, flags)
napi_value map_set(napi_env env, napi_callback_info info)
{
	napi_value arguments[4];
	struct bytes key, value;
	uint32_t flags;

	read_arguments(env, info, 4, arguments);
	struct handle *map = read_handle(env, arguments[0], KIND_MAP);
	if (!map || !read_sized(env, arguments[1], map->key_size, "key", &key) ||
	    !read_sized(env, arguments[2], map->value_size, "value", &value) || !read_uint32(env, arguments[3], &flags))
		return NULL;
	int error = bpf_map_update_elem(map->fd, key.data, value.data, flags);
	return error ? fail(env, -error, NULL, "write a map entry") : NULL;
}

// mapDelete(map, key) → whether it was there
napi_value map_delete(napi_env env, napi_callback_info info)
{
	napi_value arguments[2], was;
	struct bytes key;

	read_arguments(env, info, 2, arguments);
	struct handle *map = read_handle(env, arguments[0], KIND_MAP);
	if (!map || !read_sized(env, arguments[1], map->key_size, "key", &key))
		return NULL;
	int error = bpf_map_delete_elem(map->fd, key.data);
	if (error && error != -ENOENT)
		return fail(env, -error, NULL, "delete a map entry");
	napi_get_boolean(env, !error, &was);
	return was;
}

// mapNextKey(map, key or undefined) → key or undefined at the end
napi_value map_next_key(napi_env env, napi_callback_info info)
{
	napi_value arguments[2];
	struct bytes key = {};
	void *data;

	read_arguments(env, info, 2, arguments);
	struct handle *map = read_handle(env, arguments[0], KIND_MAP);
	if (!map ||
	    (!is_undefined(env, arguments[1]) && !read_sized(env, arguments[1], map->key_size, "key", &key)))
		return NULL;
	napi_value next = new_bytes(env, map->key_size, &data);
	if (!data)
		return fail(env, ENOMEM, NULL, "walk a map");
	int error = bpf_map_get_next_key(map->fd, key.data, data);
	if (error == -ENOENT)
		return NULL;
	return error ? fail(env, -error, NULL, "walk a map") : next;
}

// mapReadBatch(map, token or undefined, count) → { keys, values, count, token or undefined at the end }
napi_value map_read_batch(napi_env env, napi_callback_info info)
{
	napi_value arguments[3];
	struct bytes from = {};
	uint32_t count;
	void *keys, *values, *to;

	read_arguments(env, info, 3, arguments);
	struct handle *map = read_handle(env, arguments[0], KIND_MAP);
	// The kernel's place in the walk: a bucket number or a key, whichever is larger.
	uint32_t token_size = map && map->key_size > 4 ? map->key_size : 4;
	if (!map ||
	    (!is_undefined(env, arguments[1]) && !read_sized(env, arguments[1], token_size, "token", &from)) ||
	    !read_uint32(env, arguments[2], &count))
		return NULL;
	napi_value key_bytes = new_bytes(env, (size_t)count * map->key_size, &keys);
	napi_value value_bytes = new_bytes(env, (size_t)count * map->value_size, &values);
	napi_value token = new_bytes(env, token_size, &to);
	if (!keys || !values || !to)
		return fail(env, ENOMEM, NULL, "read a map in batches");
	int error = bpf_map_lookup_batch(map->fd, from.data, to, keys, values, &count, NULL);
	if (error && error != -ENOENT)
		return fail(env, -error, NULL, "read a map in batches");
	napi_value batch = new_object(env);
	set(env, batch, "keys", key_bytes);
	set(env, batch, "values", value_bytes);
	set_number(env, batch, "count", count);
	set(env, batch, "token", error ? undefined(env) : token);
	return batch;
}
