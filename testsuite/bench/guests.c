/* SPDX-License-Identifier: MIT */
/*
 * guests DEVICES COUNT RATE CPU <FRAME - send COUNT frames from the devices g0, g1, ... in turn,
 * RATE a second (0: as fast as it goes), and print how many left and what one cost in ns of CPU
 * time.
 *
 * The frame's source is the device's MAC address, 52:54:00 and its number; so is the client
 * hardware address when the frame is as long as one of DHCP. 32 frames leave in a call.
 */
#define _GNU_SOURCE
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { LONGEST = 1514, BATCH = 32, CHADDR = 14 + 20 + 8 + 28 };

static unsigned char frames[BATCH][LONGEST];
static struct sockaddr_ll at[BATCH];
static struct iovec parts[BATCH];
static struct mmsghdr messages[BATCH];

static double clock_ns(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void sleep_until(double ns)
{
	struct timespec t = {(time_t)(ns / 1e9), 0};
	t.tv_nsec = (long)(ns - (double)t.tv_sec * 1e9);
	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static void put_device(int slot, long device, size_t length, const unsigned *index)
{
	unsigned char mac[6] = {0x52,
				0x54,
				0,
				(unsigned char)(device >> 16),
				(unsigned char)(device >> 8),
				(unsigned char)device};
	memcpy(frames[slot] + 6, mac, 6);
	if (length > CHADDR + 6)
		memcpy(frames[slot] + CHADDR, mac, 6);
	at[slot] = (struct sockaddr_ll){.sll_family = AF_PACKET, .sll_ifindex = (int)index[device]};
	messages[slot].msg_hdr = (struct msghdr){.msg_name = &at[slot],
						 .msg_namelen = sizeof at[slot],
						 .msg_iov = &parts[slot],
						 .msg_iovlen = 1};
}

int main(int argc, char **argv)
{
	int one = 1, s = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (argc != 5 || s < 0)
		return 2;
	long devices = atol(argv[1]), count = atol(argv[2]), sent = 0;
	double gap = atof(argv[3]) > 0 ? 1e9 / atof(argv[3]) : 0;
	unsigned *index = calloc((size_t)devices, sizeof *index);
	char name[32];
	cpu_set_t cpu;
	CPU_ZERO(&cpu);
	CPU_SET(atoi(argv[4]), &cpu);
	sched_setaffinity(0, sizeof cpu, &cpu);
	setsockopt(s, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one);
	size_t length = fread(frames[0], 1, LONGEST, stdin);
	for (int i = 0; i < BATCH; i++) {
		memcpy(frames[i], frames[0], length);
		parts[i] = (struct iovec){frames[i], length};
	}
	for (long i = 0; i < devices; i++) {
		snprintf(name, sizeof name, "g%ld", i);
		if (!(index[i] = if_nametoindex(name)))
			return 1;
	}
	double start = clock_ns(CLOCK_MONOTONIC), before = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	while (sent < count) {
		for (int i = 0; i < BATCH; i++)
			put_device(i, (sent + i) % devices, length, index);
		int n = sendmmsg(s, messages, BATCH, 0);
		if (n < 0) {
			perror("guests: sendmmsg");
			return 1;
		}
		sent += n;
		if (gap > 0)
			sleep_until(start + gap * (double)sent);
	}
	printf("%ld %.1f\n", sent, (clock_ns(CLOCK_PROCESS_CPUTIME_ID) - before) / (double)sent);
	return 0;
}
