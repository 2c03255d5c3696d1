// How a socket is to be opened. 0: as the system has it.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct plan {
	const char *address; // numeric, with an optional zone
	uint32_t port, local_port, receive_buffer, send_buffer;
	bool listens; // at that address, hears everybody; else connected to it
};

// Returns a socket that does not block, or a negative errno.
int open_by(const struct plan *plan);
