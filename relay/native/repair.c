// TCP_REPAIR: the state of a connection is read while nothing is sent for it, and it can be closed without the peer
// noticing. Needs CAP_NET_ADMIN.
#include <errno.h>
#include <linux/sockios.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "legs.h"

struct frozen {
	struct tcp_info info;
	struct tcp_repair_window window;
	uint32_t snd_seq, rcv_seq, timestamp;
	int peer_mss, unread, unsent;
};

// setMaxSegment(fd of a listener, bytes): what it announces to, and takes from, those that connect from now on.
napi_value set_max_segment(napi_env env, napi_callback_info info)
{
	napi_value arguments[2];
	int fd, bytes;

	read_arguments(env, info, 2, arguments);
	if (!read_int(env, arguments[0], &fd) || !read_int(env, arguments[1], &bytes))
		return NULL;
	if (setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &bytes, sizeof(bytes)))
		return fail(env, errno, "set the maximum segment size");
	return NULL;
}

static int repair(int fd, int mode)
{
	return setsockopt(fd, IPPROTO_TCP, TCP_REPAIR, &mode, sizeof(mode));
}

static int leave_repair(int fd)
{
	int reuse = 1;

	// Without a window probe, which would answer nobody. Leaving clears SO_REUSEADDR, which accepted sockets have.
	return repair(fd, TCP_REPAIR_OFF_NO_WP) || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof(reuse));
}

static int read_option(int fd, int option, void *value, socklen_t size)
{
	return getsockopt(fd, IPPROTO_TCP, option, value, &size);
}

static int read_queue_seq(int fd, int queue, uint32_t *seq)
{
	return setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_QUEUE, &queue, sizeof(queue)) ||
	       read_option(fd, TCP_QUEUE_SEQ, seq, sizeof(*seq));
}

// Returns what could not be read, or NULL.
static const char *read_state(int fd, struct frozen *out)
{
	if (read_option(fd, TCP_INFO, &out->info, sizeof(out->info)))
		return "read TCP_INFO";
	if (read_queue_seq(fd, TCP_SEND_QUEUE, &out->snd_seq) || read_queue_seq(fd, TCP_RECV_QUEUE, &out->rcv_seq))
		return "read sequence numbers";
	if (read_option(fd, TCP_REPAIR_WINDOW, &out->window, sizeof(out->window)))
		return "read windows";
	if (read_option(fd, TCP_TIMESTAMP, &out->timestamp, sizeof(out->timestamp)))
		return "read the timestamp clock";
	// In repair mode this is what the peer announced, not what is sent at present.
	if (read_option(fd, TCP_MAXSEG, &out->peer_mss, sizeof(out->peer_mss)))
		return "read the maximum segment size";
	if (ioctl(fd, SIOCINQ, &out->unread) || ioctl(fd, SIOCOUTQ, &out->unsent))
		return "read the length of the queues";
	return NULL;
}

static napi_value describe(napi_env env, const struct frozen *state)
{
	const struct tcp_info *info = &state->info;
	napi_value result = new_object(env);

	set_number(env, result, "state", info->tcpi_state);
	set_number(env, result, "options", info->tcpi_options);
	set_number(env, result, "sndSeq", state->snd_seq);
	set_number(env, result, "rcvSeq", state->rcv_seq);
	set_number(env, result, "sndWl1", state->window.snd_wl1);
	set_number(env, result, "sndWnd", state->window.snd_wnd);
	set_number(env, result, "maxWindow", state->window.max_window);
	set_number(env, result, "rcvWnd", state->window.rcv_wnd);
	set_number(env, result, "rcvWup", state->window.rcv_wup);
	set_number(env, result, "timestamp", state->timestamp);
	set_number(env, result, "sndWscale", info->tcpi_snd_wscale);
	set_number(env, result, "rcvWscale", info->tcpi_rcv_wscale);
	set_number(env, result, "sndMss", info->tcpi_snd_mss);
	set_number(env, result, "rcvMss", info->tcpi_rcv_mss);
	set_number(env, result, "advMss", info->tcpi_advmss);
	set_number(env, result, "peerMss", state->peer_mss);
	set_number(env, result, "pmtu", info->tcpi_pmtu);
	set_number(env, result, "unackedSegments", info->tcpi_unacked);
	set_number(env, result, "unread", state->unread);
	set_number(env, result, "unsent", state->unsent);
	return result;
}

// freeze(fd) → the state of the connection, which stays in repair mode; after an error it does not.
napi_value freeze(napi_env env, napi_callback_info info)
{
	napi_value argument;
	struct frozen state;
	int fd;

	read_arguments(env, info, 1, &argument);
	if (!read_int(env, argument, &fd))
		return NULL;
	if (repair(fd, TCP_REPAIR_ON))
		return fail(env, errno, "enter repair mode");
	memset(&state, 0, sizeof(state));
	const char *failed = read_state(fd, &state);
	if (failed) {
		int error = errno;

		leave_repair(fd);
		return fail(env, error, failed);
	}
	return describe(env, &state);
}

napi_value thaw(napi_env env, napi_callback_info info)
{
	napi_value argument;
	int fd;

	read_arguments(env, info, 1, &argument);
	if (read_int(env, argument, &fd) && leave_repair(fd))
		fail(env, errno, "leave repair mode");
	return NULL;
}
