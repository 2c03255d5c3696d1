// Object files: open, adjust, load, hand out owned file descriptors, close. Nothing of libbpf's object stays behind.
#include "object.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "handles.h"

// Past this the kernel cuts the log; a log of a million bytes has been read by nobody.
enum { LOG_SIZE = 1 << 20 };

// libbpf explains itself on stderr only; what it says during one call belongs into that call's error.
static _Thread_local char explanation[256];

static int explain(enum libbpf_print_level level, const char *format, va_list arguments)
{
	if (level != LIBBPF_WARN || explanation[0] || strstr(format, "PROG LOAD LOG"))
		return 0;
	vsnprintf(explanation, sizeof(explanation), format, arguments);
	explanation[strcspn(explanation, "\n")] = 0;
	return 0;
}

void object_init(void)
{
	libbpf_set_print(explain);
}

static napi_value fail_object(napi_env env, int error, const char *log, const char *what)
{
	return explanation[0] ? fail(env, error, log, "%s: %s", what, explanation) : fail(env, error, log, "%s", what);
}

// Applies one map's options: { maxEntries?, pinned?, initial? }. Returns false with an error thrown.
static bool adjust_map(napi_env env, struct bpf_map *map, napi_value options)
{
	napi_value max_entries = property(env, options, "maxEntries");
	napi_value pinned = property(env, options, "pinned");
	napi_value initial = property(env, options, "initial");
	const char *name = bpf_map__name(map);
	int error = 0;

	if (!is_undefined(env, max_entries)) {
		uint32_t count;
		if (!read_uint32(env, max_entries, &count))
			return false;
		error = bpf_map__set_max_entries(map, count);
	}
	if (!error && !is_undefined(env, initial)) {
		struct bytes bytes;
		if (!read_bytes(env, initial, &bytes))
			return false;
		error = bpf_map__set_initial_value(map, bytes.data, bytes.size);
	}
	if (!error && !is_undefined(env, pinned)) {
		char *path;
		if (!read_string(env, pinned, &path))
			return false;
		error = bpf_map__set_pin_path(map, path);
		free(path);
	}
	if (error)
		fail_object(env, -error, NULL, name);
	return !error;
}

static bool adjust(napi_env env, struct bpf_object *object, napi_value maps, napi_value skipped)
{
	struct bpf_program *program;
	struct bpf_map *map;
	napi_value names;
	uint32_t count = 0;

	if (!is_undefined(env, maps)) {
		if (napi_get_property_names(env, maps, &names) != napi_ok)
			return false;
		napi_get_array_length(env, names, &count);
	}
	for (uint32_t i = 0; i < count; i++) {
		napi_value key, options;
		char *name;
		napi_get_element(env, names, i, &key);
		napi_get_property(env, maps, key, &options);
		if (!read_string(env, key, &name))
			return false;
		map = bpf_object__find_map_by_name(object, name);
		bool adjusted = map ? adjust_map(env, map, options) : (fail(env, ENOENT, NULL, "map %s", name), false);
		free(name);
		if (!adjusted)
			return false;
	}
	bpf_object__for_each_program(program, object) {
		bool skip = !is_undefined(env, skipped) &&
			    !is_undefined(env, property(env, skipped, bpf_program__name(program)));
		if (skip)
			bpf_program__set_autoload(program, false);
	}
	return true;
}

// Handles own duplicates, so the object can be closed at once and no handle depends on another.
static int duplicate(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static napi_value describe(napi_env env, struct bpf_object *object)
{
	napi_value programs = new_array(env), maps = new_array(env), description = new_object(env), item;
	struct bpf_program *program;
	struct bpf_map *map;

	bpf_object__for_each_program(program, object) {
		if (!bpf_program__autoload(program))
			continue;
		int fd = duplicate(bpf_program__fd(program));
		if (fd < 0)
			return fail(env, errno, NULL, "program %s", bpf_program__name(program));
		item = new_program(env, fd, bpf_program__name(program), bpf_program__section_name(program));
		if (!item)
			return NULL;
		append(env, programs, item);
	}
	bpf_object__for_each_map(map, object) {
		if (!bpf_map__autocreate(map))
			continue;
		int fd = duplicate(bpf_map__fd(map));
		if (fd < 0)
			return fail(env, errno, NULL, "map %s", bpf_map__name(map));
		item = new_map(env, fd, bpf_map__name(map));
		if (!item)
			return NULL;
		append(env, maps, item);
	}
	set(env, description, "programs", programs);
	set(env, description, "maps", maps);
	return description;
}

// loadObject(bytes, name, maps?, skippedPrograms?) → { programs, maps }
napi_value object_load(napi_env env, napi_callback_info info)
{
	napi_value arguments[4], loaded = NULL;
	struct bytes file;
	char *name = NULL, *log = NULL;
	struct bpf_object *object = NULL;

	read_arguments(env, info, 4, arguments);
	if (!read_bytes(env, arguments[0], &file) || !read_string(env, arguments[1], &name))
		return NULL;
	explanation[0] = 0;
	log = calloc(1, LOG_SIZE);
	if (!log) {
		fail(env, ENOMEM, NULL, "load %s", name);
		goto out;
	}
	LIBBPF_OPTS(bpf_object_open_opts, options, .object_name = name, .kernel_log_buf = log, .kernel_log_size = LOG_SIZE);
	object = bpf_object__open_mem(file.data, file.size, &options);
	if (!object) {
		fail_object(env, errno, NULL, name);
		goto out;
	}
	if (!adjust(env, object, arguments[2], arguments[3]))
		goto out;
	int error = bpf_object__load(object);
	if (error)
		fail_object(env, -error, log, name);
	else
		loaded = describe(env, object);
out:
	bpf_object__close(object);
	free(log);
	free(name);
	return loaded;
}
