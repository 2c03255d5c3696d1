#include "handles.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const kind_names[] = { "program", "map", "link", "link" };

// Filters that are attached, in whichever thread: process.exit() runs no finalizers, and the kernel keeps filters.
static struct handle *filters;
static pthread_mutex_t filters_lock = PTHREAD_MUTEX_INITIALIZER;

static void remember_filter(struct handle *filter)
{
	pthread_mutex_lock(&filters_lock);
	filter->next = filters;
	filters = filter;
	pthread_mutex_unlock(&filters_lock);
}

static void forget_filter(const struct handle *filter)
{
	pthread_mutex_lock(&filters_lock);
	for (struct handle **at = &filters; *at; at = &(*at)->next) {
		if (*at != filter)
			continue;
		*at = filter->next;
		break;
	}
	pthread_mutex_unlock(&filters_lock);
}

static int detach_filter(const struct handle *filter)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = filter->ifindex, .attach_point = filter->point);
	LIBBPF_OPTS(bpf_tc_opts, options, .handle = filter->filter, .priority = filter->priority);

	return -bpf_tc_detach(&hook, &options);
}

__attribute__((destructor)) static void detach_filters(void)
{
	pthread_mutex_lock(&filters_lock);
	for (const struct handle *filter = filters; filter; filter = filter->next)
		detach_filter(filter);
	filters = NULL;
	pthread_mutex_unlock(&filters_lock);
}

static int release(struct handle *handle)
{
	int error = 0;

	if (handle->fd < 0)
		return 0;
	if (handle->kind == KIND_FILTER) {
		forget_filter(handle);
		error = detach_filter(handle);
	} else {
		close(handle->fd);
	}
	handle->fd = -1;
	return error;
}

// Runs on garbage collection, and for all that is left when the environment ends.
static void finalize(napi_env env, void *data, void *hint)
{
	(void)env;
	(void)hint;
	release(data);
	free(data);
}

static napi_value wrap(napi_env env, struct handle content)
{
	struct handle *handle = malloc(sizeof(*handle));
	napi_value value = NULL;

	if (!handle) {
		release(&content);
		return fail(env, ENOMEM, NULL, "keep a %s", kind_names[content.kind]);
	}
	*handle = content;
	if (handle->kind == KIND_FILTER)
		remember_filter(handle);
	if (napi_create_external(env, handle, finalize, NULL, &value) == napi_ok)
		return value;
	release(handle);
	free(handle);
	return fail(env, ENOMEM, NULL, "keep a %s", kind_names[content.kind]);
}

napi_value new_program(napi_env env, int fd, const char *name, const char *section)
{
	struct bpf_prog_info info = {};
	uint32_t size = sizeof(info);
	int error = bpf_obj_get_info_by_fd(fd, &info, &size);

	if (error) {
		close(fd);
		return fail(env, -error, NULL, "read a program's description");
	}
	napi_value handle = wrap(env, (struct handle){ .kind = KIND_PROGRAM, .fd = fd });
	if (!handle)
		return NULL;
	const char *type = libbpf_bpf_prog_type_str(info.type);
	napi_value description = new_object(env);
	set(env, description, "handle", handle);
	set_number(env, description, "id", info.id);
	// The kernel cuts names at 15 characters; an object file knows them whole.
	set(env, description, "name", new_string(env, name ? name : info.name));
	set(env, description, "type", new_string(env, type ? type : "unknown"));
	set(env, description, "section", section ? new_string(env, section) : undefined(env));
	return description;
}

static bool is_per_cpu(uint32_t type)
{
	return type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_ARRAY ||
	       type == BPF_MAP_TYPE_LRU_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;
}

napi_value new_map(napi_env env, int fd, const char *name)
{
	struct bpf_map_info info = {};
	uint32_t size = sizeof(info);
	int cpus = libbpf_num_possible_cpus();
	int error = cpus < 0 ? cpus : bpf_obj_get_info_by_fd(fd, &info, &size);

	if (error) {
		close(fd);
		return fail(env, -error, NULL, "read a map's description");
	}
	// The kernel copies each CPU's value at a multiple of eight bytes.
	uint32_t whole = is_per_cpu(info.type) ? (info.value_size + 7) / 8 * 8 * (uint32_t)cpus : info.value_size;
	napi_value handle = wrap(env, (struct handle){ .kind = KIND_MAP, .fd = fd, .key_size = info.key_size, .value_size = whole });
	if (!handle)
		return NULL;
	const char *type = libbpf_bpf_map_type_str(info.type);
	napi_value description = new_object(env);
	set(env, description, "handle", handle);
	set_number(env, description, "id", info.id);
	set(env, description, "name", new_string(env, name ? name : info.name));
	set(env, description, "type", new_string(env, type ? type : "unknown"));
	set_number(env, description, "keySize", info.key_size);
	set_number(env, description, "valueSize", info.value_size);
	set_number(env, description, "maxEntries", info.max_entries);
	set_number(env, description, "cpus", is_per_cpu(info.type) ? cpus : 0);
	return description;
}

napi_value new_link(napi_env env, int fd)
{
	return wrap(env, (struct handle){ .kind = KIND_LINK, .fd = fd });
}

napi_value new_filter(napi_env env, const struct bpf_tc_hook *hook, const struct bpf_tc_opts *filter)
{
	return wrap(env, (struct handle){ .kind = KIND_FILTER,
					  .ifindex = hook->ifindex,
					  .point = hook->attach_point,
					  .filter = filter->handle,
					  .priority = filter->priority });
}

struct handle *read_handle(napi_env env, napi_value value, enum kind kind)
{
	struct handle *handle = NULL;

	if (napi_get_value_external(env, value, (void **)&handle) != napi_ok || handle->kind != kind) {
		fail(env, EINVAL, NULL, "expected a %s", kind_names[kind]);
		return NULL;
	}
	if (handle->fd < 0) {
		fail(env, EBADF, NULL, "the %s is closed", kind_names[kind]);
		return NULL;
	}
	return handle;
}

napi_value handle_close(napi_env env, napi_callback_info info)
{
	napi_value argument;
	struct handle *handle = NULL;

	read_arguments(env, info, 1, &argument);
	if (napi_get_value_external(env, argument, (void **)&handle) != napi_ok)
		return fail(env, EINVAL, NULL, "expected a handle");
	int error = release(handle);
	// Somebody else removed the filter or the interface: what was asked for is so.
	return error && error != ENOENT && error != ENODEV && error != EINVAL ? fail(env, error, NULL, "detach") : NULL;
}

napi_value handle_pin(napi_env env, napi_callback_info info)
{
	napi_value arguments[2];
	struct handle *handle = NULL;
	char *path;

	read_arguments(env, info, 2, arguments);
	if (napi_get_value_external(env, arguments[0], (void **)&handle) != napi_ok)
		return fail(env, EINVAL, NULL, "expected a handle");
	if (handle->fd < 0 || handle->kind == KIND_FILTER)
		return fail(env, handle->fd < 0 ? EBADF : EOPNOTSUPP, NULL, "pin a %s", kind_names[handle->kind]);
	if (!read_string(env, arguments[1], &path))
		return NULL;
	int error = bpf_obj_pin(handle->fd, path);
	if (error)
		fail(env, -error, NULL, "pin a %s at %s", kind_names[handle->kind], path);
	free(path);
	return NULL;
}

// The kernel fills any kind's description into any buffer, so the kind is asked for first.
static bool is_kind(int fd, const char *kind)
{
	char path[64], target[64] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (readlink(path, target, sizeof(target) - 1) < 0)
		return false;
	return !strncmp(target, "anon_inode:bpf", 14) && !strncmp(target + 15, kind, strlen(kind));
}

napi_value handle_open_pinned(napi_env env, napi_callback_info info)
{
	napi_value arguments[2], opened = NULL;
	char *kind = NULL, *path = NULL;

	read_arguments(env, info, 2, arguments);
	if (!read_string(env, arguments[0], &kind))
		return NULL;
	if (read_string(env, arguments[1], &path)) {
		int fd = bpf_obj_get(path);
		if (fd < 0) {
			fail(env, -fd, NULL, "open the %s pinned at %s", kind, path);
		} else if (!is_kind(fd, kind)) {
			close(fd);
			fail(env, EINVAL, NULL, "what is pinned at %s is no %s", path, kind);
		} else if (!strcmp(kind, "map")) {
			opened = new_map(env, fd, NULL);
		} else if (!strcmp(kind, "prog")) {
			opened = new_program(env, fd, NULL, NULL);
		} else {
			opened = new_link(env, fd);
		}
	}
	free(kind);
	free(path);
	return opened;
}
