// One end of a stream of datagrams, as fast as the kernel takes them.
//   udp-leg send HOST PORT BINDS SIZE SECONDS PER-SECOND    0 per second: as many as go
//   udp-leg receive HOST PORT BINDS                         ends when nothing came for a while
//   udp-leg flood HOST PORT PAYLOAD SIZE SECONDS PER-SECOND
// BINDS are leg binds in hex, 64 bytes each, their counters rising; "-" sends to HOST PORT, or receives there, without.
// A flood binds nothing; PAYLOAD is how its datagrams begin, in hex, or "-".
#include "leg.h"

enum { BIND_BYTES = 64, MAX_BINDS = 64, BATCH = 64, MAX_SIZE = 2048, BUFFER = 64 << 20, BIND_MAGIC = 0x0b, KIND = 5, JOINED = 2 };

static struct mmsghdr messages[BATCH];
static struct iovec parts[BATCH];
static uint8_t payloads[BATCH][MAX_SIZE];

static void prepare(size_t size)
{
	for (int i = 0; i < BATCH; i++) {
		parts[i] = (struct iovec){ payloads[i], size };
		messages[i].msg_hdr = (struct msghdr){ .msg_iov = &parts[i], .msg_iovlen = 1 };
		// A first byte of QUIC's, so that nothing takes it for a bind.
		memset(payloads[i], 0x40, MAX_SIZE);
	}
}

static void wait_at_most(int fd, int milliseconds)
{
	struct timeval t = { milliseconds / 1000, milliseconds % 1000 * 1000 };
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof t);
}

static int is_bind(const uint8_t *bytes, size_t length)
{
	return length == BIND_BYTES && bytes[0] == BIND_MAGIC;
}

/* Binds until the relay says that the other leg is there too, or its first datagram does. Returns how many of those came. */
static int bind_leg(int fd, const char *hex)
{
	static uint8_t binds[MAX_BINDS * BIND_BYTES];
	size_t length = from_hex(hex, binds, sizeof binds);
	uint8_t answer[MAX_SIZE];
	wait_at_most(fd, 200);
	for (size_t at = 0; at < length; at += BIND_BYTES) {
		if (send(fd, binds + at, BIND_BYTES, 0) < 0)
			die("send a bind");
		if (at == 0)
			say("{\"msg\":\"binding\"}");
		for (ssize_t n; (n = recv(fd, answer, sizeof answer, 0)) > 0;)
			if (!is_bind(answer, n))
				return 1;
			else if (answer[KIND] == JOINED)
				return 0;
	}
	fprintf(stderr, "not joined after %zu binds\n", length / BIND_BYTES);
	exit(1);
}

static void send_all(int fd, double seconds, double per_second)
{
	uint64_t sent = 0, refused = 0;
	// Half a millisecond's worth at once, so that a paced stream has no bursts.
	int batch = per_second > 0 ? per_second / 2000 : BATCH;
	batch = batch < 1 ? 1 : batch > BATCH ? BATCH : batch;
	say("{\"msg\":\"sending\"}");
	double start = now(), end = start + seconds, next = start;
	for (double t = start; t < end; t = now()) {
		if (per_second > 0 && t < next) {
			struct timespec pause = { 0, (next - t) * 1e9 };
			nanosleep(&pause, NULL);
			continue;
		}
		next += per_second > 0 ? batch / per_second : 0;
		int n = sendmmsg(fd, messages, batch, 0);
		if (n > 0)
			sent += n;
		else
			refused++;
	}
	printf("{\"msg\":\"sent\",\"packets\":%lu,\"refused\":%lu,\"seconds\":%.4f}\n", sent, refused, now() - start);
}

static void receive_all(int fd, uint64_t packets)
{
	uint64_t bytes = 0;
	double first = 0, last = 0;
	prepare(MAX_SIZE);
	wait_at_most(fd, 10000);
	for (;;) {
		int n = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
		if (n <= 0)
			break;
		last = now();
		if (first == 0) {
			first = last;
			// Longer than a relay's process on a busy machine stands still.
			wait_at_most(fd, 2000);
		}
		for (int i = 0; i < n; i++) {
			// The relay's answers are not part of the stream.
			if (is_bind(payloads[i], messages[i].msg_len))
				continue;
			packets++;
			bytes += messages[i].msg_len;
		}
	}
	printf("{\"msg\":\"received\",\"packets\":%lu,\"bytes\":%lu,\"seconds\":%.4f}\n", packets, bytes, last - first);
}

int main(int count, char **arg)
{
	if (count < 5)
		die("usage");
	struct addrinfo *address;
	int fd = open_socket(arg[2], arg[3], SOCK_DGRAM, &address), size = BUFFER;
	int sends = arg[1][0] != 'r', floods = arg[1][0] == 'f', unbound = floods || arg[4][0] == '-';
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) < 0)
		die("SO_RCVBUFFORCE");
	if (unbound && !sends ? bind(fd, address->ai_addr, address->ai_addrlen) :
				connect(fd, address->ai_addr, address->ai_addrlen))
		die(arg[3]);
	int early = unbound ? 0 : bind_leg(fd, arg[4]);
	say("{\"msg\":\"joined\"}");
	if (!sends) {
		receive_all(fd, early);
	} else if (count == 8) {
		prepare(atoi(arg[5]));
		for (int i = 0; floods && arg[4][0] != '-' && i < BATCH; i++)
			from_hex(arg[4], payloads[i], MAX_SIZE);
		send_all(fd, atof(arg[6]), atof(arg[7]));
	}
	return 0;
}
