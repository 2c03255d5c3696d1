// How a socket is to be connected. 0: as the system has it.
#pragma once

#include <stdint.h>

struct plan {
	const char *address; // numeric, with an optional zone
	uint32_t port, local_port, receive_buffer, send_buffer;
};

// Returns a connected socket that does not block, or a negative errno.
int connect_by(const struct plan *plan);
