// Ring buffers: the event loop watches libbpf's epoll descriptor and hands each record to a listener.
#include "ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "handles.h"

// Records handed over in one turn of the event loop: a program that reports at full rate must not stop everything else.
enum { RECORDS_PER_TURN = 1024 };

struct ring {
	napi_env env;
	struct ring_buffer *buffer;
	uv_poll_t poll;
	napi_ref listener;
	napi_async_context context;
	napi_async_cleanup_hook_handle cleanup;
	int delivered;
	bool closing;
	bool exiting;
	// Memory goes when both the event loop and JavaScript have let go of it.
	bool closed, collected;
};

static void forget(struct ring *ring)
{
	if (ring->closed && ring->collected)
		free(ring);
}

static void on_closed(uv_handle_t *poll)
{
	struct ring *ring = poll->data;
	napi_async_cleanup_hook_handle cleanup = ring->cleanup;
	napi_handle_scope scope;

	// Not in ring_close: that may be called by the listener, inside the very context that would go.
	if (!ring->exiting && napi_open_handle_scope(ring->env, &scope) == napi_ok) {
		napi_delete_reference(ring->env, ring->listener);
		napi_async_destroy(ring->env, ring->context);
		napi_close_handle_scope(ring->env, scope);
	}
	ring_buffer__free(ring->buffer);
	ring->closed = true;
	forget(ring);
	napi_remove_async_cleanup_hook(cleanup);
}

static void start_close(struct ring *ring)
{
	if (ring->closing)
		return;
	ring->closing = true;
	uv_close((uv_handle_t *)&ring->poll, on_closed);
}

static void on_exit_of_environment(napi_async_cleanup_hook_handle handle, void *data)
{
	struct ring *ring = data;

	(void)handle;
	ring->exiting = true;
	start_close(ring);
}

static void on_collected(napi_env env, void *data, void *hint)
{
	struct ring *ring = data;

	(void)env;
	(void)hint;
	ring->collected = true;
	forget(ring);
}

// A negative answer ends the turn; the record itself counts as read.
static int deliver(void *data, void *record, size_t size)
{
	struct ring *ring = data;
	napi_env env = ring->env;
	napi_handle_scope scope;
	napi_value listener, error, receiver;
	void *copy;

	napi_open_handle_scope(env, &scope);
	napi_value argument = new_bytes(env, size, &copy);
	if (copy)
		memcpy(copy, record, size);
	napi_get_reference_value(env, ring->listener, &listener);
	napi_get_global(env, &receiver);
	if (napi_make_callback(env, ring->context, receiver, listener, 1, &argument, NULL) == napi_pending_exception &&
	    napi_get_and_clear_last_exception(env, &error) == napi_ok)
		napi_fatal_exception(env, error);
	napi_close_handle_scope(env, scope);
	return ring->closing || ++ring->delivered >= RECORDS_PER_TURN ? -ECANCELED : 0;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct ring *ring = poll->data;

	(void)status;
	(void)events;
	ring->delivered = 0;
	ring_buffer__consume(ring->buffer);
}

// ringOpen(map, listener) → ring, which the event loop keeps until ringClose or its own end
napi_value ring_open(napi_env env, napi_callback_info info)
{
	napi_value arguments[2], external;
	uv_loop_t *loop;

	read_arguments(env, info, 2, arguments);
	struct handle *map = read_handle(env, arguments[0], KIND_MAP);
	if (!map)
		return NULL;
	struct ring *ring = calloc(1, sizeof(*ring));
	if (!ring)
		return fail(env, ENOMEM, NULL, "read a ring buffer");
	ring->env = env;
	ring->buffer = ring_buffer__new(map->fd, deliver, ring, NULL);
	if (!ring->buffer) {
		int error = errno;
		free(ring);
		return fail(env, error, NULL, "read a ring buffer");
	}
	napi_get_uv_event_loop(env, &loop);
	int error = uv_poll_init(loop, &ring->poll, ring_buffer__epoll_fd(ring->buffer));
	if (error) {
		ring_buffer__free(ring->buffer);
		free(ring);
		return fail(env, -error, NULL, "watch a ring buffer");
	}
	ring->poll.data = ring;
	napi_create_reference(env, arguments[1], 1, &ring->listener);
	napi_async_init(env, NULL, new_string(env, "LIBBPF_RING"), &ring->context);
	napi_add_async_cleanup_hook(env, on_exit_of_environment, ring, &ring->cleanup);
	napi_create_external(env, ring, on_collected, NULL, &external);
	uv_poll_start(&ring->poll, UV_READABLE, on_readable);
	return external;
}

napi_value ring_close(napi_env env, napi_callback_info info)
{
	napi_value argument;
	struct ring *ring = NULL;

	read_arguments(env, info, 1, &argument);
	if (napi_get_value_external(env, argument, (void **)&ring) != napi_ok)
		return fail(env, EINVAL, NULL, "expected a ring");
	start_close(ring);
	return NULL;
}
