// What both programs need: addresses, clocks, hex, and lines of JSON.
#ifndef NETPORT_BENCH_LEG_H
#define NETPORT_BENCH_LEG_H

#define _GNU_SOURCE
#include <errno.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static inline void die(const char *what)
{
	perror(what);
	exit(1);
}

static inline double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static inline int open_socket(const char *host, const char *port, int type, struct addrinfo **found)
{
	struct addrinfo hints = { .ai_socktype = type, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	if (getaddrinfo(host, port, &hints, found))
		die("getaddrinfo");
	int fd = socket((*found)->ai_family, type, 0);
	if (fd < 0)
		die("socket");
	return fd;
}

/* Returns how many bytes the text gave. */
static inline size_t from_hex(const char *text, uint8_t *bytes, size_t room)
{
	size_t length = strlen(text) / 2;
	if (length > room)
		length = room;
	for (size_t i = 0; i < length; i++)
		if (sscanf(text + 2 * i, "%2hhx", &bytes[i]) != 1)
			die("hex");
	return length;
}

static inline void say(const char *line)
{
	puts(line);
	fflush(stdout);
}

#endif
