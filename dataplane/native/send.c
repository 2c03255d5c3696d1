#include <errno.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>

#include "socket.h"

enum {
	BATCH = 128, // datagrams in one system call
	RUN_DATAGRAMS = 64, // in one message: UDP_MAX_SEGMENTS of every kernel
	RUN_BYTES = 65000, // below what IPv4 and IPv6 carry with any headers that the kernel adds
};

struct batch {
	struct bytes to; // its size is 0 on a connected socket
	struct iovec datagrams[BATCH];
	uint32_t count;
	struct mmsghdr messages[BATCH];
	union {
		char bytes[CMSG_SPACE(sizeof(uint16_t))];
		struct cmsghdr aligned;
	} controls[BATCH];
};

// How many datagrams, from the first on, can leave as segments of one: equal sizes, of which the last may be shorter.
static uint32_t run_length(const struct iovec *datagrams, uint32_t count, size_t unsegmentable)
{
	size_t size = datagrams[0].iov_len, total = size;
	uint32_t length = 1;

	if (size == 0 || size >= unsegmentable)
		return 1;
	while (length < count && length < RUN_DATAGRAMS) {
		size_t next = datagrams[length].iov_len;

		if (next == 0 || next > size || total + next > RUN_BYTES)
			break;
		total += next;
		length++;
		if (next < size)
			break;
	}
	return length;
}

static void segment(struct msghdr *message, void *control, size_t control_size, size_t size)
{
	uint16_t segment_size = (uint16_t)size;

	message->msg_control = control;
	message->msg_controllen = control_size;
	struct cmsghdr *part = CMSG_FIRSTHDR(message);
	part->cmsg_level = SOL_UDP;
	part->cmsg_type = UDP_SEGMENT;
	part->cmsg_len = CMSG_LEN(sizeof(segment_size));
	memcpy(CMSG_DATA(part), &segment_size, sizeof(segment_size));
}

// Messages for the datagrams from `at` on; before `single` each is one of its own. Returns their number.
static uint32_t make_messages(struct batch *batch, uint32_t at, uint32_t single, size_t unsegmentable)
{
	uint32_t count = 0;

	for (; at < batch->count; count++) {
		uint32_t length = at < single ? 1 : run_length(&batch->datagrams[at], batch->count - at, unsegmentable);
		struct msghdr *message = &batch->messages[count].msg_hdr;

		*message = (struct msghdr){ .msg_name = batch->to.size ? batch->to.data : NULL,
					    .msg_namelen = (socklen_t)batch->to.size,
					    .msg_iov = &batch->datagrams[at],
					    .msg_iovlen = length };
		if (length > 1)
			segment(message, &batch->controls[count], sizeof(batch->controls[count]),
				batch->datagrams[at].iov_len);
		at += length;
	}
	return count;
}

static bool is_full(int error)
{
	return error == EAGAIN || error == ENOBUFS;
}

// Returns how many of the batch were taken. What cannot be sent is lost, as if on the way, and *error says why.
static uint32_t send_batch(struct udp_socket *socket, struct batch *batch, int *error)
{
	uint32_t at = 0, single = 0;

	while (at < batch->count) {
		uint32_t count = make_messages(batch, at, single, socket->unsegmentable);
		int sent = sendmmsg(socket->fd, batch->messages, count, MSG_DONTWAIT);

		for (int i = 0; i < sent; i++)
			at += (uint32_t)batch->messages[i].msg_hdr.msg_iovlen;
		if (sent >= 0 || errno == EINTR)
			continue;
		if (is_full(errno))
			break;
		uint32_t run = (uint32_t)batch->messages[0].msg_hdr.msg_iovlen;
		if (run == 1) {
			*error = errno;
			at++;
			continue;
		}
		// Once more, one by one. The device cannot segment (EIO), or these are too large for the path as it is now.
		// Anything else is not about segments, such as what an ICMP message left behind.
		single = at + run;
		if (errno == EIO)
			socket->unsegmentable = 0;
		else if (errno == EINVAL || errno == EMSGSIZE)
			socket->unsegmentable = batch->datagrams[at].iov_len;
	}
	return at;
}

// Reads up to BATCH datagrams of an array. No JavaScript may run (getters would) between the first pointer and their use.
static bool read_batch(napi_env env, napi_value array, uint32_t from, uint32_t count, struct batch *batch)
{
	napi_value values[BATCH];
	struct bytes datagram;

	batch->count = count < BATCH ? count : BATCH;
	for (uint32_t i = 0; i < batch->count; i++) {
		if (napi_get_element(env, array, from + i, &values[i]) == napi_ok)
			continue;
		fail(env, EINVAL, "expected an array of datagrams");
		return false;
	}
	for (uint32_t i = 0; i < batch->count; i++) {
		if (!read_bytes(env, values[i], &datagram))
			return false;
		batch->datagrams[i] = (struct iovec){ .iov_base = datagram.data, .iov_len = datagram.size };
	}
	return true;
}

static bool read_name(napi_env env, napi_value value, struct bytes *out)
{
	if (!read_bytes(env, value, out))
		return false;
	if (out->size == 0 || out->size == NAME)
		return true;
	fail(env, EINVAL, "expected a name");
	return false;
}

// send(socket, datagrams, count, failure, name) → how many of the first `count` were taken: fewer where the socket's buffer
// is full. failure, a Uint8Array over one int32, is set to the errno of one that was lost. name: whom to, as receive gave it;
// empty on a connected socket.
napi_value socket_send(napi_env env, napi_callback_info info)
{
	napi_value arguments[5];
	struct bytes failure;
	struct batch batch;
	uint32_t count, taken = 0;
	int error = 0;

	read_arguments(env, info, 5, arguments);
	struct udp_socket *socket = read_socket(env, arguments[0]);
	if (!socket || !read_count(env, arguments[2], &count))
		return NULL;
	while (taken < count) {
		napi_handle_scope scope;

		if (napi_open_handle_scope(env, &scope) != napi_ok)
			return NULL;
		// The name last, as reading the array may have moved it.
		bool read = read_batch(env, arguments[1], taken, count - taken, &batch) &&
			    read_name(env, arguments[4], &batch.to);
		// Whatever ran in between may have closed it.
		uint32_t sent = read && socket->fd >= 0 ? send_batch(socket, &batch, &error) : 0;
		napi_close_handle_scope(env, scope);
		if (!read)
			return NULL;
		taken += sent;
		if (sent < batch.count)
			break;
	}
	if (error) {
		if (!read_bytes(env, arguments[3], &failure))
			return NULL;
		if (failure.size >= sizeof(error))
			memcpy(failure.data, &error, sizeof(error));
	}
	return new_number(env, taken);
}
