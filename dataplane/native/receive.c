#include <errno.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>

#include "socket.h"

enum {
	MESSAGES = 64, // at most, in one system call
	SLOT = 65536, // no message is larger, merged ones (GRO) included
};

// How large the datagrams are that the kernel merged into this message: all but the last. 0 when it is one datagram.
static uint32_t segment_of(struct msghdr *message)
{
	int size = 0;

	for (struct cmsghdr *part = CMSG_FIRSTHDR(message); part; part = CMSG_NXTHDR(message, part)) {
		if (part->cmsg_level == SOL_UDP && part->cmsg_type == UDP_GRO)
			memcpy(&size, CMSG_DATA(part), sizeof(size));
	}
	return size > 0 ? (uint32_t)size : 0;
}

// receive(socket, slab, shapes, messages, names) → how many messages came, at most so many, or a negative errno. Message i
// is at 64 KiB × i in the slab; shapes, a Uint8Array over uint32s, tells its length at 2i and the size of its segments at
// 2i + 1; names, who sent it, at NAME × i.
napi_value socket_receive(napi_env env, napi_callback_info info)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr aligned;
	} controls[MESSAGES];
	struct mmsghdr messages[MESSAGES];
	struct iovec slots[MESSAGES];
	struct bytes slab, shapes, names;
	napi_value arguments[5];
	uint32_t wanted;

	read_arguments(env, info, 5, arguments);
	struct udp_socket *socket = read_socket(env, arguments[0]);
	if (!socket || !read_bytes(env, arguments[1], &slab) || !read_bytes(env, arguments[2], &shapes) ||
	    !read_count(env, arguments[3], &wanted) || !read_bytes(env, arguments[4], &names))
		return NULL;
	if (wanted == 0 || wanted > MESSAGES || slab.size / SLOT < wanted ||
	    shapes.size / (2 * sizeof(uint32_t)) < wanted || names.size / NAME < wanted)
		return fail(env, EINVAL, "receive into a slab that is too small");
	memset(names.data, 0, (size_t)wanted * NAME);
	memset(messages, 0, wanted * sizeof(*messages));
	for (uint32_t i = 0; i < wanted; i++) {
		slots[i] = (struct iovec){ .iov_base = slab.data + (size_t)i * SLOT, .iov_len = SLOT };
		messages[i].msg_hdr = (struct msghdr){ .msg_name = names.data + (size_t)i * NAME,
						       .msg_namelen = NAME,
						       .msg_iov = &slots[i],
						       .msg_iovlen = 1,
						       .msg_control = &controls[i],
						       .msg_controllen = sizeof(controls[i]) };
	}
	int count;
	do {
		count = recvmmsg(socket->fd, messages, wanted, MSG_DONTWAIT, NULL);
	} while (count < 0 && errno == EINTR);
	if (count < 0)
		return new_number(env, errno == EAGAIN ? 0 : -errno);
	for (int i = 0; i < count; i++) {
		const uint32_t shape[2] = { messages[i].msg_len, segment_of(&messages[i].msg_hdr) };

		memcpy(shapes.data + (size_t)i * sizeof(shape), shape, sizeof(shape));
	}
	return new_number(env, count);
}
