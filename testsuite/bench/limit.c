/* SPDX-License-Identifier: MIT */
/*
 * limit FORM OUTER INNER - the product of OUTER addresses and INNER ports as fast
 * as its bytes can be made, to standard output.
 *
 *   iptables   three iptables-restore lines for each pair
 *   nft        one rule of a linear chain for each pair
 *   nothing    start and end, for what a process costs that does nothing
 *
 * It reads nothing, checks nothing and knows its two values beforehand; each is
 * formatted from its number for every line by code made for it, into a buffer that
 * stays in the cache. A compiler that streams the same product is measured by how
 * far it is from this. The lines are as long as those of a common rule (tcp, an
 * address, a port, a state): 280 bytes for the three, 97 for nft's.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define inline inline __attribute__((always_inline))

enum { BUFFER = 256 << 10, LONGEST = 512 };

/* Texts of 0..999: plain with their length, and filled with zeros to three digits. */
static struct number {
	char plain[4], filled[3], length;
} numbers[1000];

static void make_numbers(void)
{
	for (unsigned v = 0; v < 1000; v++) {
		char text[4];
		struct number *n = &numbers[v];
		snprintf(text, sizeof text, "%03u", v);
		memcpy(n->filled, text, 3);
		n->length = (char)(1 + (v > 9) + (v > 99));
		memcpy(n->plain, text + 3 - n->length, (size_t)n->length);
	}
}

static inline char *put(char *p, const char *text)
{
	size_t n = strlen(text);
	memcpy(p, text, n);
	return p + n;
}

/* Four bytes whatever the length: a copy of constant size is one instruction. */
static inline char *put_number(char *p, unsigned v)
{
	memcpy(p, numbers[v].plain, 4);
	return p + numbers[v].length;
}

static inline char *put_address(char *p, uint32_t a)
{
	p = put(put_number(p, a >> 24), ".");
	p = put(put_number(p, a >> 16 & 255), ".");
	p = put(put_number(p, a >> 8 & 255), ".");
	return put_number(p, a & 255);
}

/* Every port here has four digits or five. */
static inline char *put_port(char *p, unsigned v)
{
	p = put_number(p, v / 1000);
	memcpy(p, numbers[v % 1000].filled, 3);
	return p + 3;
}

static inline char *line(char *p, const char *begin, uint32_t a, const char *middle, unsigned t,
			 const char *end)
{
	p = put_address(put(p, begin), a);
	return put(put_port(put(p, middle), t), end);
}

static inline char *iptables(char *p, uint32_t a, unsigned t)
{
	const char *to = " -m conntrack --ctstate ESTABLISHED -j ACCEPT\n";
	const char *from = " -m conntrack --ctstate NEW,ESTABLISHED -j RETURN\n";
	p = line(p, "-A FO-vnet0 -p tcp -d ", a, " --sport ", t, to);
	p = line(p, "-A FI-vnet0 -p tcp -s ", a, " --dport ", t, from);
	return line(p, "-A HI-vnet0 -p tcp -s ", a, " --dport ", t, from);
}

static inline char *nft(char *p, uint32_t a, unsigned t)
{
	return line(p, "add rule bridge nwfc vnet0-out ip saddr ", a, " tcp dport ", t,
		    " ct state new,established return\n");
}

/* As scattered as the benchmark's values: no two of them make a prefix or a range. */
static inline uint32_t address(unsigned i)
{
	return (10u << 24) + 1 + 2 * i;
}

static inline unsigned port(unsigned j)
{
	return 1024 + 2 * j % 64000;
}

static char buffer[BUFFER + LONGEST];

static void drain(const char *end)
{
	for (const char *p = buffer; p < end;) {
		ssize_t n = write(STDOUT_FILENO, p, (size_t)(end - p));
		if (n < 0) {
			perror("limit");
			exit(1);
		}
		p += n;
	}
}

static inline void product(unsigned outer, unsigned inner,
			   char *(*put_pair)(char *, uint32_t, unsigned))
{
	char *p = buffer;
	for (unsigned i = 0; i < outer; i++)
		for (unsigned j = 0; j < inner; j++) {
			p = put_pair(p, address(i), port(j));
			if (p - buffer >= BUFFER) {
				drain(p);
				p = buffer;
			}
		}
	drain(p);
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "nothing") == 0)
		return 0;
	unsigned outer = argc == 4 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
	unsigned inner = argc == 4 ? (unsigned)strtoul(argv[3], NULL, 10) : 0;
	make_numbers();
	if (outer && inner && strcmp(argv[1], "iptables") == 0)
		product(outer, inner, iptables);
	else if (outer && inner && strcmp(argv[1], "nft") == 0)
		product(outer, inner, nft);
	else {
		fputs("usage: limit iptables|nft OUTER INNER, or limit nothing\n", stderr);
		return 2;
	}
	return 0;
}
