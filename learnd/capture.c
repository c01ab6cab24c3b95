/* SPDX-License-Identifier: MIT */
#include "learnd/capture.h"

#include <errno.h>
#include <linux/filter.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>

#include "learnd/believe.h"

/* DHCP packets may be as large as the link lets them be. */
#define SNAP_LENGTH 2048
/* Of a server's message from the guest: Ethernet, IPv4 with all its options or IPv6, and UDP. */
#define CUT_LENGTH (14 + 60 + 8)
/* libpcap puts back a tag that the kernel took out. */
#define TAG_LENGTH 4
/* How long a block of frames may wait in the kernel (milliseconds): the quickest guest uses its
 * address 6 ms after the ACK. */
#define BLOCK_TIMEOUT 2
/* Of a filter's text, what is kept for all but the addresses that are known. */
#define FILTER_REST 1000
/* libpcap's version 3 ring has blocks of this size, and wants two. */
#define BLOCK_SIZE (256u << 10)
/* A frame that came before the first filter is in a block that is handed over long before this. */
#define UNFILTERED SECOND

/* --- the filter --- */

struct text {
	char *at;
	size_t room;
	bool full;
};

__attribute__((format(printf, 2, 3))) static void put(struct text *t, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(t->at, t->room, fmt, ap);
	va_end(ap);
	t->full |= n < 0 || (size_t)n >= t->room;
	if (t->full)
		return;
	t->at += n;
	t->room -= (size_t)n;
}

/* What pcap-filter(7) calls them. */
static const char *const protocols[FAMILIES] = {"ip", "ip6"};

/* Would the learner take an address from plain data now? */
static bool wants_data(const struct learn_port *p, enum family f)
{
	return p->mode == MODE_ANY && p->config->families[f] &&
	       (p->n[f] < p->max[f] || in_doubt(p, f));
}

/* Addresses that find no room are copied and looked at, as they would be without a filter. */
static void put_data(struct text *t, const struct learn_port *p, enum family f)
{
	char address[ADDRESS_TEXT];
	put(t, " or (%s", protocols[f]);
	for (uint32_t i = 0; i < p->n[f]; i++) {
		if (!p->bindings[f][i].used || t->room < FILTER_REST)
			continue;
		address_print(&p->bindings[f][i].address, address);
		put(t, " and not %s src %s", protocols[f], address);
	}
	put(t, ")");
}

static void put_dhcp(struct text *t, enum family f, enum direction d)
{
	unsigned client = dhcp_ports[f].client, server = dhcp_ports[f].server;
	put(t, " or (%s and udp src port %u and udp dst port %u)", protocols[f],
	    d == FROM_GUEST ? client : server, d == FROM_GUEST ? server : client);
}

static void put_from_guest(struct text *t, const struct learn_port *p)
{
	for (enum family f = 0; f < FAMILIES; f++)
		if (wants_data(p, f))
			put_data(t, p, f);
	if (p->config->families[FAMILY_IPV4] && p->mode == MODE_ANY)
		put(t, " or arp");
	if (p->config->families[FAMILY_IPV6])
		put(t, " or (icmp6 and ip6[40] >= 133 and ip6[40] <= 137)");
}

/*
 * An answer to a probe comes within a tenth of a millisecond, long before this
 * filter could be changed for it; so what only the guest gets, and defences to
 * all, always pass. The questions of others are of use only while something is in doubt.
 */
static void put_to_guest(struct text *t, const struct learn_port *p, const char *mac)
{
	if (p->config->families[FAMILY_IPV4] && p->mode == MODE_ANY)
		put(t, " or (arp%s%s)", in_doubt(p, FAMILY_IPV4) ? "" : " and ether dst ",
		    in_doubt(p, FAMILY_IPV4) ? "" : mac);
	if (p->config->families[FAMILY_IPV6])
		put(t, " or (icmp6 and (ip6[40] = 134 or ip6[40] = 136%s))",
		    in_doubt(p, FAMILY_IPV6) ? " or ip6[40] = 135" : "");
}

bool capture_filter(const struct learn_port *p, char *out, size_t size)
{
	struct text t = {out, size, false};
	const uint8_t *m = p->config->mac;
	bool macvtap = p->config->link.len > 0;
	char mac[18];
	snprintf(mac, sizeof mac, "%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4],
		 m[5]);
	/* "less 13": a frame that can not be, the first of the alternatives */
	for (enum direction d = 0; d < DIRECTIONS; d++) {
		bool in = (d == FROM_GUEST) != macvtap;
		put(&t, "%s(%s and %sether src %s and (less 13", d ? " or " : "",
		    in ? "inbound" : "outbound", d == FROM_GUEST ? "" : "not ", mac);
		for (enum family f = 0; f < FAMILIES; f++)
			if (p->config->families[f])
				put_dhcp(&t, f, d);
		if (d == FROM_GUEST)
			put_from_guest(&t, p);
		else
			put_to_guest(&t, p, mac);
		put(&t, "))");
	}
	return !t.full;
}

/* --- the handle --- */

/* What the guest sends as a server; the source's MAC is not looked at, since it may be forged. */
static void server_filter(const struct learn_port *p, char *out, size_t size)
{
	struct text t = {out, size, false};
	put(&t, "%s and (less 13", p->config->link.len ? "outbound" : "inbound");
	for (enum family f = 0; f < FAMILIES; f++)
		put_dhcp(&t, f, TO_GUEST);
	put(&t, ")");
}

static bool compile(struct capture *c, const char *text, struct bpf_program *code,
		    char error[PCAP_ERRBUF_SIZE])
{
	if (pcap_compile(c->pcap, code, text, 1, PCAP_NETMASK_UNKNOWN) == 0)
		return true;
	snprintf(error, PCAP_ERRBUF_SIZE, "%s", pcap_geterr(c->pcap));
	return false;
}

/* One program: what `first` lets in is cut off; what it does not is for `second` to say. */
static unsigned join(struct bpf_insn *out, const struct bpf_program *first,
		     const struct bpf_program *second)
{
	memcpy(out, first->bf_insns, first->bf_len * sizeof *out);
	memcpy(out + first->bf_len, second->bf_insns, second->bf_len * sizeof *out);
	for (unsigned i = 0; i < first->bf_len; i++) {
		if (BPF_CLASS(out[i].code) != BPF_RET)
			continue;
		out[i] = out[i].k
				 ? (struct bpf_insn){BPF_RET | BPF_K, 0, 0, CUT_LENGTH}
				 : (struct bpf_insn){BPF_JMP | BPF_JA, 0, 0, first->bf_len - i - 1};
	}
	return first->bf_len + second->bf_len;
}

static bool attach(int fd, const struct bpf_program *first, const struct bpf_program *second)
{
	struct bpf_insn code[BPF_MAXINSNS];
	errno = E2BIG;
	if (first->bf_len + second->bf_len > BPF_MAXINSNS)
		return false;
	struct sock_fprog program = {(unsigned short)join(code, first, second), (void *)code};
	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
}

/*
 * Put into the kernel by ourselves: libpcap's own way runs the filter again over all that
 * could be in the ring, in this process, where the frames' direction is not known; it would drop
 * the first frames after every change. What is in the ring passed the filter before this one, which
 * told the directions apart as well.
 */
static bool set_filter(struct capture *c, const struct learn_port *p, const char *text,
		       char error[PCAP_ERRBUF_SIZE])
{
	struct bpf_program first, second;
	char server[300];
	server_filter(p, server, sizeof server);
	if (!compile(c, server, &first, error))
		return false;
	if (!compile(c, text, &second, error)) {
		pcap_freecode(&first);
		return false;
	}
	bool good = attach(pcap_fileno(c->pcap), &first, &second);
	if (good)
		snprintf(c->filter, sizeof c->filter, "%s", text);
	else
		snprintf(error, PCAP_ERRBUF_SIZE, "the filter: %s", strerror(errno));
	pcap_freecode(&first);
	pcap_freecode(&second);
	return good;
}

/* With little memory a frame at a time is handed over, which costs more of the CPU. */
static int activate(pcap_t *pcap, size_t ring)
{
	bool blocks = ring >= 2 * BLOCK_SIZE;
	pcap_set_snaplen(pcap, SNAP_LENGTH);
	pcap_set_promisc(pcap, 0);
	pcap_set_timeout(pcap, BLOCK_TIMEOUT);
	pcap_set_immediate_mode(pcap, !blocks);
	pcap_set_buffer_size(pcap, (int)ring);
	return pcap_activate(pcap);
}

/* The filter is there before the first frame is handed over. */
static bool start(struct capture *c, const struct learn_port *p, char error[PCAP_ERRBUF_SIZE])
{
	char text[sizeof c->filter];
	if (pcap_datalink(c->pcap) != DLT_EN10MB) {
		snprintf(error, PCAP_ERRBUF_SIZE, "is no Ethernet device");
		return false;
	}
	if (!capture_filter(p, text, sizeof text)) {
		snprintf(error, PCAP_ERRBUF_SIZE, "the filter is too long");
		return false;
	}
	return set_filter(c, p, text, error) && pcap_setnonblock(c->pcap, 1, error) == 0;
}

enum capture_result capture_open(struct capture *c, const struct learn_port *p, size_t ring,
				 instant now, char error[PCAP_ERRBUF_SIZE])
{
	const struct port_config *config = p->config;
	char name[IF_NAMESIZE];
	snprintf(name, sizeof name, "%.*s", STR_ARG(config->interface));
	*c = (struct capture){.ifindex = if_nametoindex(name), .ring = ring, .fd = -1};
	c->pcap = pcap_create(name, error);
	if (!c->pcap)
		return CAPTURE_FAILED;
	int status = activate(c->pcap, ring);
	if (status < 0)
		snprintf(error, PCAP_ERRBUF_SIZE, "%s",
			 status == PCAP_ERROR_IFACE_NOT_UP ? "is down" : pcap_geterr(c->pcap));
	if (status < 0 || !start(c, p, error)) {
		capture_close(c);
		return status == PCAP_ERROR_IFACE_NOT_UP ? CAPTURE_DOWN : CAPTURE_FAILED;
	}
	c->fd = pcap_get_selectable_fd(c->pcap);
	c->filtered_from = clock_now(CLOCK_REALTIME) + MILLI;
	c->unfiltered_until = now + UNFILTERED;
	/* whoever is told that the port is watched sends nothing that is left out */
	nanosleep(&(struct timespec){.tv_nsec = MILLI + MILLI / 10}, NULL);
	return CAPTURE_OPEN;
}

void capture_close(struct capture *c)
{
	if (c->pcap)
		pcap_close(c->pcap);
	*c = (struct capture){.fd = -1};
}

bool capture_update(struct capture *c, const struct learn_port *p, char error[PCAP_ERRBUF_SIZE])
{
	char text[sizeof c->filter];
	if (!capture_filter(p, text, sizeof text)) {
		snprintf(error, PCAP_ERRBUF_SIZE, "the filter is too long");
		return false;
	}
	return strcmp(text, c->filter) == 0 || set_filter(c, p, text, error);
}

struct reading {
	struct learn_port *port;
	instant now, filtered_from;
};

static void on_frame(u_char *user, const struct pcap_pkthdr *h, const u_char *frame)
{
	struct reading *r = (struct reading *)(void *)user;
	if (r->filtered_from &&
	    h->ts.tv_sec * SECOND + h->ts.tv_usec * (MILLI / 1000) < r->filtered_from)
		return;
	bool cut = h->caplen < h->len && h->caplen <= CUT_LENGTH + TAG_LENGTH;
	bool from = cut || (h->caplen >= 12 && memcmp(frame + 6, r->port->config->mac, 6) == 0);
	learner_frame(r->port, frame, h->caplen, h->len, from ? FROM_GUEST : TO_GUEST, r->now);
}

int capture_read(struct capture *c, struct learn_port *p, int max, instant now)
{
	struct reading r = {p, now, now < c->unfiltered_until ? c->filtered_from : 0};
	int n = pcap_dispatch(c->pcap, max, on_frame, (u_char *)&r);
	return n < 0 ? -1 : n;
}

uint64_t capture_lost(const struct capture *c)
{
	struct pcap_stat s;
	return c->pcap && pcap_stats(c->pcap, &s) == 0 ? s.ps_drop : 0;
}
