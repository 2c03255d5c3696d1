#include "connect.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int bind_to(int fd, int family, uint16_t port)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} local;

	memset(&local, 0, sizeof(local));
	local.any.sa_family = (sa_family_t)family;
	if (family == AF_INET6)
		local.v6.sin6_port = htons(port);
	else
		local.v4.sin_port = htons(port);
	return bind(fd, &local.any, family == AF_INET6 ? sizeof(local.v6) : sizeof(local.v4));
}

// As large as asked for where this process may go beyond the system's limit, else up to that limit.
static void set_buffer(int fd, int forced, int limited, uint32_t bytes)
{
	if (bytes && setsockopt(fd, SOL_SOCKET, forced, &bytes, sizeof(bytes)))
		setsockopt(fd, SOL_SOCKET, limited, &bytes, sizeof(bytes));
}

static int take_place(int fd, const struct plan *plan, const struct addrinfo *at)
{
	int on = 1;

	if (!plan->listens)
		return (plan->local_port && bind_to(fd, at->ai_family, (uint16_t)plan->local_port)) ||
		       connect(fd, at->ai_addr, at->ai_addrlen);
	if (at->ai_family == AF_INET6 && setsockopt(fd, SOL_IPV6, IPV6_V6ONLY, &on, sizeof(on)))
		return -1;
	return bind(fd, at->ai_addr, at->ai_addrlen);
}

int open_by(const struct plan *plan)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_DGRAM };
	struct addrinfo *to;
	char service[16];
	int on = 1;

	snprintf(service, sizeof(service), "%u", plan->port);
	if ((plan->port == 0 && !plan->listens) || plan->port > UINT16_MAX || plan->local_port > UINT16_MAX ||
	    getaddrinfo(plan->address, service, &hints, &to))
		return -EINVAL;
	int fd = socket(to->ai_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
	int error = fd < 0 ? errno : 0;
	if (!error) {
		// The kernel takes what it can of each, and GRO where it knows it (5.0).
		set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, plan->receive_buffer);
		set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, plan->send_buffer);
		setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof(on));
		if (take_place(fd, plan, to))
			error = errno;
	}
	freeaddrinfo(to);
	if (!error)
		return fd;
	if (fd >= 0)
		close(fd);
	return -error;
}
