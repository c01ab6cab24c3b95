/* SPDX-License-Identifier: MIT */
/*
 * frames IFNAME COUNT CPU <FRAMES - send COUNT frames, those given in turn, and print
 * what one costs in ns of CPU time.
 *
 * FRAMES are frames behind their length in two bytes, high byte first. They leave
 * through a packet socket, 32 in a call, past the queue of the device. With
 * virtual devices all of the way (veth, bridge, filters, the far end) runs in the
 * context of the sender, or in that of its CPU's ksoftirqd when it gives up the
 * CPU for a while; so the process keeps to one CPU, and both are counted.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { FRAMES = 1024, LONGEST = 1514, BATCH = 32 };

static unsigned char frames[FRAMES][LONGEST];
static struct iovec parts[FRAMES];
static struct mmsghdr messages[BATCH];

static int failed(const char *what)
{
	perror(what);
	return 1;
}

static int read_frames(void)
{
	unsigned char head[2];
	int n = 0;
	while (n < FRAMES && fread(head, 1, 2, stdin) == 2) {
		size_t length = (size_t)head[0] << 8 | head[1];
		if (length > LONGEST || fread(frames[n], 1, length, stdin) != length)
			return 0;
		parts[n] = (struct iovec){frames[n], length};
		n++;
	}
	return n;
}

/* ns that ksoftirqd of this CPU has run; 0 where it is not to be seen. */
static double softirq_ns(int cpu)
{
	static char path[64];
	char wanted[32], name[32];
	double ns = 0;
	if (!path[0]) {
		DIR *proc = opendir("/proc");
		struct dirent *d;
		snprintf(wanted, sizeof wanted, "ksoftirqd/%d\n", cpu);
		while (proc && (d = readdir(proc))) {
			if (d->d_name[0] < '1' || d->d_name[0] > '9')
				continue;
			snprintf(path, sizeof path, "/proc/%.16s/comm", d->d_name);
			FILE *f = fopen(path, "re");
			int found = f && fgets(name, sizeof name, f) && strcmp(name, wanted) == 0;
			if (f)
				fclose(f);
			snprintf(path, sizeof path, "/proc/%.16s/schedstat", d->d_name);
			if (found)
				break;
			strcpy(path, "/dev/null");
		}
		if (proc)
			closedir(proc);
	}
	FILE *f = fopen(path, "re");
	if (!f || fscanf(f, "%lf", &ns) != 1)
		ns = 0;
	if (f)
		fclose(f);
	return ns;
}

static double cpu_ns(int cpu)
{
	struct timespec t;
	double others = softirq_ns(cpu);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return others + (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int open_socket(const char *device)
{
	int one = 1, s = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	struct sockaddr_ll at = {.sll_family = AF_PACKET,
				 .sll_ifindex = (int)if_nametoindex(device)};
	if (s < 0 || !at.sll_ifindex || bind(s, (struct sockaddr *)&at, sizeof at) < 0)
		return -1;
	setsockopt(s, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one);
	return s;
}

static long send_all(int s, int given, long count)
{
	long sent = 0;
	for (int next = 0; sent < count;) {
		for (int i = 0; i < BATCH; i++) {
			messages[i].msg_hdr =
				(struct msghdr){.msg_iov = &parts[next], .msg_iovlen = 1};
			next = (next + 1) % given;
		}
		int n = sendmmsg(s, messages, BATCH, 0);
		if (n < 0)
			return -1;
		sent += n;
	}
	return sent;
}

int main(int argc, char **argv)
{
	if (argc != 4) {
		fputs("usage: frames IFNAME COUNT CPU <FRAMES\n", stderr);
		return 2;
	}
	long count = atol(argv[2]);
	int cpu = atoi(argv[3]), given = read_frames(), s = open_socket(argv[1]);
	cpu_set_t one;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	if (!given || count < 1)
		return 2;
	if (s < 0)
		return failed(argv[1]);
	if (sched_setaffinity(0, sizeof one, &one) < 0)
		return failed("sched_setaffinity");
	double before = cpu_ns(cpu);
	long sent = send_all(s, given, count);
	if (sent < 0)
		return failed("sendmmsg");
	printf("%ld %.1f\n", sent, (cpu_ns(cpu) - before) / (double)sent);
	return 0;
}
