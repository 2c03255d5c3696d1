#include "socket.h"

#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "connect.h"

static void forget(struct udp_socket *socket)
{
	if (socket->closed && socket->collected)
		free(socket);
}

static void on_closed(uv_handle_t *poll)
{
	struct udp_socket *socket = poll->data;
	napi_async_cleanup_hook_handle cleanup = socket->cleanup;
	napi_handle_scope scope;

	// Not in start_close: that may be called by the listener, inside the very context that would go.
	if (!socket->exiting && napi_open_handle_scope(socket->env, &scope) == napi_ok) {
		napi_delete_reference(socket->env, socket->listener);
		napi_async_destroy(socket->env, socket->context);
		napi_close_handle_scope(socket->env, scope);
	}
	socket->closed = true;
	forget(socket);
	napi_remove_async_cleanup_hook(cleanup);
}

static void start_close(struct udp_socket *socket)
{
	if (socket->fd < 0)
		return;
	uv_close((uv_handle_t *)&socket->poll, on_closed);
	close(socket->fd);
	socket->fd = -1;
}

static void on_exit_of_environment(napi_async_cleanup_hook_handle handle, void *data)
{
	struct udp_socket *socket = data;

	(void)handle;
	socket->exiting = true;
	start_close(socket);
}

static void on_collected(napi_env env, void *data, void *hint)
{
	struct udp_socket *socket = data;

	(void)env;
	(void)hint;
	socket->collected = true;
	forget(socket);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct udp_socket *socket = poll->data;
	napi_env env = socket->env;
	napi_value listener, receiver, error;
	napi_handle_scope scope;

	(void)events;
	// libuv stops watching on POLLERR, which is how an ICMP error shows. Reading takes the error off the socket.
	if (status < 0)
		uv_poll_start(poll, UV_READABLE, on_readable);
	if (napi_open_handle_scope(env, &scope) != napi_ok)
		return;
	napi_get_reference_value(env, socket->listener, &listener);
	napi_get_global(env, &receiver);
	if (napi_make_callback(env, socket->context, receiver, listener, 0, NULL, NULL) == napi_pending_exception &&
	    napi_get_and_clear_last_exception(env, &error) == napi_ok)
		napi_fatal_exception(env, error);
	napi_close_handle_scope(env, scope);
}

// open(address, port, local port, bytes of the receive buffer, of the send buffer, listener) → socket, which the event loop
// keeps until close or its own end. 0: as the system has it. The listener is called, without arguments, when there is
// something to receive.
napi_value socket_open(napi_env env, napi_callback_info info)
{
	napi_value arguments[6], external = NULL, name = NULL;
	napi_valuetype type = napi_undefined;
	char address[INET6_ADDRSTRLEN + 1 + IF_NAMESIZE];
	struct plan plan = { .address = address };
	size_t length;
	uv_loop_t *loop;

	read_arguments(env, info, 6, arguments);
	if (napi_get_value_string_utf8(env, arguments[0], address, sizeof(address), &length) != napi_ok)
		return fail(env, EINVAL, "expected an address");
	napi_typeof(env, arguments[5], &type);
	if (type != napi_function)
		return fail(env, EINVAL, "expected a listener");
	if (!read_count(env, arguments[1], &plan.port) || !read_count(env, arguments[2], &plan.local_port) ||
	    !read_count(env, arguments[3], &plan.receive_buffer) || !read_count(env, arguments[4], &plan.send_buffer))
		return NULL;
	struct udp_socket *socket = calloc(1, sizeof(*socket));
	if (!socket)
		return fail(env, ENOMEM, "open a UDP socket");
	int fd = connect_by(&plan);
	if (fd < 0) {
		free(socket);
		return fail(env, -fd, "open a UDP socket");
	}
	napi_get_uv_event_loop(env, &loop);
	int error = uv_poll_init(loop, &socket->poll, fd);
	if (error) {
		close(fd);
		free(socket);
		return fail(env, -error, "watch a UDP socket");
	}
	socket->env = env;
	socket->fd = fd;
	socket->unsegmentable = SIZE_MAX;
	socket->poll.data = socket;
	napi_create_reference(env, arguments[5], 1, &socket->listener);
	napi_create_string_utf8(env, "NETPORT_UDP", NAPI_AUTO_LENGTH, &name);
	napi_async_init(env, NULL, name, &socket->context);
	napi_add_async_cleanup_hook(env, on_exit_of_environment, socket, &socket->cleanup);
	napi_create_external(env, socket, on_collected, NULL, &external);
	uv_poll_start(&socket->poll, UV_READABLE, on_readable);
	return external;
}

struct udp_socket *read_socket(napi_env env, napi_value value)
{
	struct udp_socket *socket = NULL;

	if (napi_get_value_external(env, value, (void **)&socket) != napi_ok) {
		fail(env, EINVAL, "expected a UDP socket");
		return NULL;
	}
	if (socket->fd < 0) {
		fail(env, EBADF, "the UDP socket is closed");
		return NULL;
	}
	return socket;
}

// name(socket) → { address, port }: where it sends from
napi_value socket_name(napi_env env, napi_callback_info info)
{
	napi_value argument, result = NULL, text = NULL;
	struct sockaddr_storage local;
	socklen_t size = sizeof(local);
	char address[NI_MAXHOST], port[NI_MAXSERV];

	read_arguments(env, info, 1, &argument);
	struct udp_socket *socket = read_socket(env, argument);
	if (!socket)
		return NULL;
	if (getsockname(socket->fd, (struct sockaddr *)&local, &size))
		return fail(env, errno, "read the address of a UDP socket");
	if (getnameinfo((struct sockaddr *)&local, size, address, sizeof(address), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV))
		return fail(env, EAFNOSUPPORT, "read the address of a UDP socket");
	napi_create_object(env, &result);
	napi_create_string_utf8(env, address, NAPI_AUTO_LENGTH, &text);
	set(env, result, "address", text);
	set(env, result, "port", new_number(env, atoi(port)));
	return result;
}

napi_value socket_close(napi_env env, napi_callback_info info)
{
	napi_value argument;
	struct udp_socket *socket = NULL;

	read_arguments(env, info, 1, &argument);
	if (napi_get_value_external(env, argument, (void **)&socket) != napi_ok)
		return fail(env, EINVAL, "expected a UDP socket");
	start_close(socket);
	return NULL;
}
