#include "socket.h"

#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "connect.h"

static void close_socket(struct udp_socket *socket)
{
	if (socket->fd >= 0)
		close(socket->fd);
	socket->fd = -1;
}

static void on_released(struct watch *watch)
{
	close_socket((struct udp_socket *)watch);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct watch *watch = poll->data;
	napi_handle_scope scope;

	(void)events;
	// libuv stops watching on POLLERR, which is how an ICMP error shows. Reading takes the error off the socket.
	if (status < 0)
		uv_poll_start(poll, UV_READABLE, on_readable);
	if (napi_open_handle_scope(watch->env, &scope) != napi_ok)
		return;
	watch_call(watch, 0, NULL);
	napi_close_handle_scope(watch->env, scope);
}

static napi_value open_socket(napi_env env, napi_callback_info info, bool listens)
{
	napi_value arguments[6], external = NULL;
	napi_valuetype type = napi_undefined;
	char address[INET6_ADDRSTRLEN + 1 + IF_NAMESIZE];
	struct plan plan = { .address = address, .listens = listens };
	size_t length;

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
	int fd = open_by(&plan);
	if (fd < 0) {
		free(socket);
		return fail(env, -fd, "open a UDP socket");
	}
	socket->fd = fd;
	socket->unsegmentable = SIZE_MAX;
	socket->watch.release = on_released;
	int error = watch_start(env, &socket->watch, fd, "NETPORT_UDP", arguments[5], on_readable, &external);
	if (error) {
		close(fd);
		free(socket);
		return fail(env, -error, "watch a UDP socket");
	}
	return external;
}

// open(address, port, local port, bytes of the receive buffer, of the send buffer, listener) → socket, which the event loop
// keeps until close or its own end. 0: as the system has it. The listener is called, without arguments, when there is
// something to receive.
napi_value socket_open(napi_env env, napi_callback_info info)
{
	return open_socket(env, info, false);
}

// listen(…) as open, but bound to that address and port, and connected to nobody; the local port means nothing.
napi_value socket_listen(napi_env env, napi_callback_info info)
{
	return open_socket(env, info, true);
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

static napi_value new_address(napi_env env, const struct sockaddr *name, socklen_t size)
{
	char address[NI_MAXHOST], port[NI_MAXSERV];

	if (getnameinfo(name, size, address, sizeof(address), port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV))
		return fail(env, EAFNOSUPPORT, "read the address of a UDP socket");
	napi_value result = new_object(env);
	set(env, result, "address", new_string(env, address));
	set_number(env, result, "port", atoi(port));
	return result;
}

// name(socket) → { address, port }: where it sends from
napi_value socket_name(napi_env env, napi_callback_info info)
{
	napi_value argument;
	struct sockaddr_storage local;
	socklen_t size = sizeof(local);

	read_arguments(env, info, 1, &argument);
	struct udp_socket *socket = read_socket(env, argument);
	if (!socket)
		return NULL;
	if (getsockname(socket->fd, (struct sockaddr *)&local, &size))
		return fail(env, errno, "read the address of a UDP socket");
	return new_address(env, (struct sockaddr *)&local, size);
}

// describe(name) → { address, port } of a name as receive gives it
napi_value socket_describe(napi_env env, napi_callback_info info)
{
	napi_value argument;
	struct sockaddr_storage name;
	struct bytes bytes;

	read_arguments(env, info, 1, &argument);
	if (!read_bytes(env, argument, &bytes))
		return NULL;
	if (bytes.size != NAME)
		return fail(env, EINVAL, "expected a name");
	memset(&name, 0, sizeof(name));
	memcpy(&name, bytes.data, NAME);
	return new_address(env, (struct sockaddr *)&name, NAME);
}
napi_value socket_close(napi_env env, napi_callback_info info)
{
	napi_value argument;
	struct udp_socket *socket = NULL;

	read_arguments(env, info, 1, &argument);
	if (napi_get_value_external(env, argument, (void **)&socket) != napi_ok)
		return fail(env, EINVAL, "expected a UDP socket");
	watch_close(&socket->watch);
	close_socket(socket);
	return NULL;
}
