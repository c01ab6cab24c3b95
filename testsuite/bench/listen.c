/* SPDX-License-Identifier: MIT */
/*
 * listen IFNAME RING-KIB FILTER | listen -r FILE - the least that a libpcap program does: count
 * frames.
 *
 * The ring is of version 3 (blocks), the block timeout 2 ms, the snap length 2048: as
 * learnd has it. Prints "ready", waits for frames until SIGTERM, and prints how many it has
 * seen and how many found no room. -r reads a file instead.
 */
#include <net/if.h>
#include <pcap/pcap.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static void count(u_char *user, const struct pcap_pkthdr *h, const u_char *frame)
{
	(void)h, (void)frame;
	++*(unsigned long *)(void *)user;
}

static int failed(const char *what)
{
	fprintf(stderr, "listen: %s\n", what);
	return 1;
}

static int live(char **argv)
{
	char error[PCAP_ERRBUF_SIZE];
	unsigned long n = 0;
	struct pcap_stat s = {0};
	struct bpf_program code;
	pcap_t *p = pcap_create(argv[1], error);
	if (!p)
		return failed(error);
	pcap_set_snaplen(p, 2048);
	pcap_set_timeout(p, 2);
	pcap_set_buffer_size(p, atoi(argv[2]) << 10);
	if (pcap_activate(p) < 0 || pcap_compile(p, &code, argv[3], 1, PCAP_NETMASK_UNKNOWN) < 0 ||
	    pcap_setfilter(p, &code) < 0 || pcap_setnonblock(p, 1, error) < 0)
		return failed(pcap_geterr(p));
	struct pollfd fd = {pcap_get_selectable_fd(p), POLLIN, 0};
	puts("ready");
	fflush(stdout);
	while (!stop) {
		poll(&fd, 1, 1000);
		while (pcap_dispatch(p, 64, count, (u_char *)&n) == 64)
			;
	}
	pcap_stats(p, &s);
	printf("%lu %u\n", n, s.ps_drop);
	pcap_close(p);
	return 0;
}

static int file(const char *path)
{
	char error[PCAP_ERRBUF_SIZE];
	unsigned long n = 0;
	pcap_t *p =
		pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_NANO, error);
	if (!p || pcap_dispatch(p, -1, count, (u_char *)&n) < 0)
		return failed(p ? pcap_geterr(p) : error);
	printf("%lu\n", n);
	pcap_close(p);
	return 0;
}

int main(int argc, char **argv)
{
	struct sigaction a = {.sa_handler = on_signal};
	sigaction(SIGTERM, &a, NULL);
	if (argc == 3 && strcmp(argv[1], "-r") == 0)
		return file(argv[2]);
	return argc == 4 ? live(argv)
			 : failed("usage: listen IFNAME RING-KIB FILTER | listen -r FILE");
}
