// Ring buffers: the event loop watches libbpf's epoll descriptor and hands each record to a listener.
#include "ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <watch.h>

#include "handles.h"

// Records handed over in one turn of the event loop: a program that reports at full rate must not stop everything else.
enum { RECORDS_PER_TURN = 1024 };

struct ring {
	struct watch watch;
	struct ring_buffer *buffer;
	int delivered;
};

static void on_released(struct watch *watch)
{
	ring_buffer__free(((struct ring *)watch)->buffer);
}

// A negative answer ends the turn; the record itself counts as read.
static int deliver(void *data, void *record, size_t size)
{
	struct ring *ring = data;
	napi_env env = ring->watch.env;
	napi_handle_scope scope;
	void *copy;

	napi_open_handle_scope(env, &scope);
	napi_value argument = new_bytes(env, size, &copy);
	if (copy)
		memcpy(copy, record, size);
	watch_call(&ring->watch, 1, &argument);
	napi_close_handle_scope(env, scope);
	return ring->watch.closing || ++ring->delivered >= RECORDS_PER_TURN ? -ECANCELED : 0;
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

	read_arguments(env, info, 2, arguments);
	struct handle *map = read_handle(env, arguments[0], KIND_MAP);
	if (!map)
		return NULL;
	struct ring *ring = calloc(1, sizeof(*ring));
	if (!ring)
		return fail(env, ENOMEM, NULL, "read a ring buffer");
	ring->buffer = ring_buffer__new(map->fd, deliver, ring, NULL);
	if (!ring->buffer) {
		int error = errno;
		free(ring);
		return fail(env, error, NULL, "read a ring buffer");
	}
	ring->watch.release = on_released;
	int error = watch_start(env, &ring->watch, ring_buffer__epoll_fd(ring->buffer), "LIBBPF_RING", arguments[1],
				on_readable, &external);
	if (error) {
		ring_buffer__free(ring->buffer);
		free(ring);
		return fail(env, -error, NULL, "watch a ring buffer");
	}
	return external;
}

napi_value ring_close(napi_env env, napi_callback_info info)
{
	napi_value argument;
	struct ring *ring = NULL;

	read_arguments(env, info, 1, &argument);
	if (napi_get_value_external(env, argument, (void **)&ring) != napi_ok)
		return fail(env, EINVAL, NULL, "expected a ring");
	watch_close(&ring->watch);
	return NULL;
}
