// One end of a TCP connection that carries as much as goes in one direction.
//   tcp-leg send HOST PORT PREAMBLE SECONDS         keeps the connection until its standard input ends
//   tcp-leg receive HOST PORT PREAMBLE
//   tcp-leg listen HOST PORT -              receives from whoever connects
//   tcp-leg count HOST PORT - WARM-UP SECONDS       the same, counting what comes in so many seconds after a warm-up
// PREAMBLE is a leg's preamble in hex, answered by the ready mark; "-" connects without one.
#include "leg.h"

enum { PREAMBLE = 56, MARK = 8, BLOCK = 256 << 10 };

static uint8_t block[BLOCK];

static void bind_leg(int fd, const char *hex)
{
	uint8_t bytes[PREAMBLE];
	if (send(fd, bytes, from_hex(hex, bytes, sizeof bytes), 0) != PREAMBLE)
		die("send the preamble");
	say("{\"msg\":\"binding\"}");
	if (recv(fd, bytes, MARK, MSG_WAITALL) != MARK)
		die("no ready mark");
}

static void send_all(int fd, double seconds)
{
	uint64_t bytes = 0;
	say("{\"msg\":\"sending\"}");
	double start = now();
	while (now() < start + seconds) {
		ssize_t n = send(fd, block, sizeof block, 0);
		if (n < 0)
			die("send");
		bytes += n;
	}
	printf("{\"msg\":\"sent\",\"bytes\":%lu,\"seconds\":%.4f}\n", bytes, now() - start);
	fflush(stdout);
	getchar();
}

static void receive_all(int fd)
{
	uint64_t bytes = 0;
	double first = 0, last = 0;
	ssize_t n;
	for (; (n = recv(fd, block, sizeof block, 0)) > 0; bytes += n) {
		last = now();
		if (bytes == 0)
			first = last;
	}
	if (n < 0)
		die("recv");
	printf("{\"msg\":\"received\",\"bytes\":%lu,\"seconds\":%.4f}\n", bytes, last - first);
}

/* The warm-up begins with the first byte. Then ends in the middle of the connection: nobody waits for what is on its way. */
static void receive_for(int fd, double warm_up, double seconds)
{
	struct timeval wait = { 0, 10000 };
	uint64_t bytes = 0;
	if (recv(fd, block, 1, MSG_PEEK) != 1)
		die("recv");
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	double start = now() + warm_up;
	while (now() < start + seconds) {
		ssize_t n = recv(fd, block, sizeof block, 0);
		if (n == 0 || (n < 0 && errno != EAGAIN))
			die("recv");
		if (n > 0 && now() >= start)
			bytes += n;
	}
	printf("{\"msg\":\"received\",\"bytes\":%lu,\"seconds\":%.4f}\n", bytes, now() - start);
}

int main(int count, char **arg)
{
	if (count < 5)
		die("usage");
	struct addrinfo *address;
	int fd = open_socket(arg[2], arg[3], SOCK_STREAM, &address), on = 1;
	if (arg[1][0] == 'l' || arg[1][0] == 'c') {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
		if (bind(fd, address->ai_addr, address->ai_addrlen) || listen(fd, 8))
			die("listen");
		say("{\"msg\":\"binding\"}");
		fd = accept(fd, NULL, NULL);
		if (fd < 0)
			die("accept");
	} else if (connect(fd, address->ai_addr, address->ai_addrlen)) {
		die("connect");
	}
	if (arg[4][0] != '-')
		bind_leg(fd, arg[4]);
	say("{\"msg\":\"joined\"}");
	if (arg[1][0] == 's')
		send_all(fd, atof(arg[5]));
	else if (arg[1][0] == 'c')
		receive_for(fd, atof(arg[5]), atof(arg[6]));
	else
		receive_all(fd);
	return 0;
}
