// A long wire between two interfaces: every frame that comes in at one leaves by the other after a while.
//   delay-hop ONE OTHER MILLISECONDS         each way; until its standard input ends
#include "leg.h"
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>

enum { BATCH = 64, FRAME = 1600, ROOM = 1 << 14, BUFFER = 16 << 20 };

struct way {
	int from, to;
	/* Frames head to tail wait, modulo ROOM. What finds no room waits in the socket, and is dropped there in the end. */
	uint64_t head, tail, refused;
	double due[ROOM];
	size_t length[ROOM];
	uint8_t frame[ROOM][FRAME];
};

static struct way ways[2];
static struct mmsghdr messages[BATCH];
static struct iovec parts[BATCH];

static int open_interface(const char *name)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = if_nametoindex(name) };
	int on = 1, buffer = BUFFER, fd = socket(AF_PACKET, SOCK_RAW, 0);
	if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer) ||
	    bind(fd, (struct sockaddr *)&address, sizeof address))
		die(name);
	return fd;
}

static unsigned room(const struct way *way)
{
	uint64_t free = ROOM - (way->tail - way->head);
	return free < BATCH ? free : BATCH;
}

static void prepare(unsigned i, void *bytes, size_t length)
{
	parts[i] = (struct iovec){ bytes, length };
	messages[i].msg_hdr = (struct msghdr){ .msg_iov = &parts[i], .msg_iovlen = 1 };
}

static void take(struct way *way, double due)
{
	unsigned free = room(way);
	for (unsigned i = 0; i < free; i++)
		prepare(i, way->frame[(way->tail + i) % ROOM], FRAME);
	int count = recvmmsg(way->from, messages, free, MSG_DONTWAIT | MSG_TRUNC, NULL);
	for (int i = 0; i < count; i++) {
		size_t slot = way->tail++ % ROOM;
		way->due[slot] = due;
		way->length[slot] = messages[i].msg_len;
		if (way->length[slot] <= FRAME)
			continue;
		fprintf(stderr, "a frame of %zu bytes: an offload is on\n", way->length[slot]);
		exit(1);
	}
}

static void give(struct way *way, double at)
{
	unsigned count = 0;
	for (; count < BATCH && way->head + count < way->tail; count++) {
		size_t slot = (way->head + count) % ROOM;
		if (way->due[slot] > at)
			break;
		prepare(count, way->frame[slot], way->length[slot]);
	}
	if (count == 0)
		return;
	int sent = sendmmsg(way->to, messages, count, 0);
	if (sent <= 0) {
		way->refused++;
		sent = 1;
	}
	way->head += sent;
}

/* Until something comes in, or the first frame that waits is due. Returns whether standard input is still open. */
static int wait_for_work(void)
{
	double due = now() + 1;
	for (int i = 0; i < 2; i++)
		if (ways[i].head < ways[i].tail && ways[i].due[ways[i].head % ROOM] < due)
			due = ways[i].due[ways[i].head % ROOM];
	double left = due - now();
	struct timespec t = { 0, left > 0 ? left * 999999999 : 0 };
	struct pollfd ends[] = {
		{ 0, POLLIN, 0 },
		{ ways[0].from, room(&ways[0]) ? POLLIN : 0, 0 },
		{ ways[1].from, room(&ways[1]) ? POLLIN : 0, 0 },
	};
	if (ppoll(ends, 3, &t, NULL) < 0)
		die("poll");
	return !ends[0].revents;
}

static uint64_t dropped(const struct way *way)
{
	struct tpacket_stats stats = { 0 };
	socklen_t length = sizeof stats;
	getsockopt(way->from, SOL_PACKET, PACKET_STATISTICS, &stats, &length);
	return stats.tp_drops + way->refused;
}

int main(int count, char **arg)
{
	if (count != 4)
		die("usage");
	double delay = atof(arg[3]) / 1000;
	ways[0].from = ways[1].to = open_interface(arg[1]);
	ways[1].from = ways[0].to = open_interface(arg[2]);
	say("{\"msg\":\"forwarding\"}");
	while (wait_for_work())
		for (int i = 0; i < 2; i++) {
			double at = now();
			take(&ways[i], at + delay);
			give(&ways[i], at);
		}
	printf("{\"msg\":\"ended\",\"frames\":%lu,\"dropped\":%lu}\n", ways[0].tail + ways[1].tail,
	       dropped(&ways[0]) + dropped(&ways[1]));
	return 0;
}
