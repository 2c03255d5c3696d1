// A descriptor that the event loop watches for JavaScript, from its start to close or to the end of the environment.
#pragma once

#include <stdlib.h>
#include <uv.h>

#include "addon.h"

// The first member of a struct from calloc, which is freed when both the event loop and JavaScript have let go of it.
struct watch {
	napi_env env;
	uv_poll_t poll;
	napi_ref listener;
	napi_async_context context;
	napi_async_cleanup_hook_handle cleanup;
	// Called once, when the event loop has let go: closes what was watched.
	void (*release)(struct watch *watch);
	bool closing, exiting;
	bool closed, collected;
};

static inline void watch_forget(struct watch *watch)
{
	if (watch->closed && watch->collected)
		free(watch);
}

static inline void watch_on_closed(uv_handle_t *poll)
{
	struct watch *watch = poll->data;
	napi_async_cleanup_hook_handle cleanup = watch->cleanup;
	napi_handle_scope scope;

	// Not in watch_close: that may be called by the listener, inside the very context that would go.
	if (!watch->exiting && napi_open_handle_scope(watch->env, &scope) == napi_ok) {
		napi_delete_reference(watch->env, watch->listener);
		napi_async_destroy(watch->env, watch->context);
		napi_close_handle_scope(watch->env, scope);
	}
	watch->release(watch);
	watch->closed = true;
	watch_forget(watch);
	napi_remove_async_cleanup_hook(cleanup);
}

// Nothing is watched any more; what was may be closed at once.
static inline void watch_close(struct watch *watch)
{
	if (watch->closing)
		return;
	watch->closing = true;
	uv_close((uv_handle_t *)&watch->poll, watch_on_closed);
}

static inline void watch_on_exit(napi_async_cleanup_hook_handle handle, void *data)
{
	struct watch *watch = data;

	(void)handle;
	watch->exiting = true;
	watch_close(watch);
}

static inline void watch_on_collected(napi_env env, void *data, void *hint)
{
	struct watch *watch = data;

	(void)env;
	(void)hint;
	watch->collected = true;
	watch_forget(watch);
}

// Watches `fd` and gives JavaScript's hold of it; `name` is that of the asynchronous resource. Returns 0, or a negative
// errno, and then holds nothing.
static inline int watch_start(napi_env env, struct watch *watch, int fd, const char *name, napi_value listener,
			      uv_poll_cb on_readable, napi_value *external)
{
	uv_loop_t *loop;

	napi_get_uv_event_loop(env, &loop);
	int error = uv_poll_init(loop, &watch->poll, fd);
	if (error)
		return error;
	watch->env = env;
	watch->poll.data = watch;
	napi_create_reference(env, listener, 1, &watch->listener);
	napi_async_init(env, NULL, new_string(env, name), &watch->context);
	napi_add_async_cleanup_hook(env, watch_on_exit, watch, &watch->cleanup);
	napi_create_external(env, watch, watch_on_collected, NULL, external);
	uv_poll_start(&watch->poll, UV_READABLE, on_readable);
	return 0;
}

// Calls the listener, within a handle scope; what it throws is the process's uncaught exception.
static inline void watch_call(struct watch *watch, size_t count, const napi_value *arguments)
{
	napi_env env = watch->env;
	napi_value listener, receiver, error;

	napi_get_reference_value(env, watch->listener, &listener);
	napi_get_global(env, &receiver);
	if (napi_make_callback(env, watch->context, receiver, listener, count, arguments, NULL) == napi_pending_exception &&
	    napi_get_and_clear_last_exception(env, &error) == napi_ok)
		napi_fatal_exception(env, error);
}
