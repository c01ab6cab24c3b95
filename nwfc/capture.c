/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "nwfc/capture.h"

#include <dlfcn.h>
#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>

#include "ir/findings.h"

/* What is called of libpcap. */
struct library_calls {
	pcap_t *(*open)(FILE *, char *);
	int (*next)(pcap_t *, struct pcap_pkthdr **, const u_char **);
	int (*datalink)(pcap_t *);
	char *(*error)(pcap_t *);
	void (*close)(pcap_t *);
};

struct capture {
	struct session *s;
	const char *path;
	struct library_calls call;
	pcap_t *pcap;
};

static bool bad_capture(struct session *s, const char *path, const char *why)
{
	diag_add(&s->diags, FINDING(E813), (struct span){0}, "%s: %s", path, why);
	return false;
}

static bool load_calls(struct session *s, struct library_calls *out)
{
	static const char *const names[] = {"pcap_fopen_offline", "pcap_next_ex", "pcap_datalink",
					    "pcap_geterr", "pcap_close"};
	void *found[5] = {NULL}, *library = dlopen("libpcap.so.0.8", RTLD_NOW | RTLD_LOCAL);
	if (!library)
		library = dlopen("libpcap.so.1", RTLD_NOW | RTLD_LOCAL);
	bool all = library != NULL;
	for (int i = 0; i < 5 && all; i++)
		all = (found[i] = dlsym(library, names[i])) != NULL;
	if (!all) {
		struct finding *f = diag_add(&s->diags, FINDING(E813), (struct span){0},
					     "libpcap can not be loaded: %s", dlerror());
		diag_hint(&s->diags, f, "it is Debian's package libpcap0.8");
		return false;
	}
	_Static_assert(sizeof *out == sizeof found, "a pointer each");
	memcpy(out, found, sizeof *out); /* ISO C has no cast from object to function */
	return true;
}

static bool open_file(struct capture *c)
{
	char error[PCAP_ERRBUF_SIZE] = "";
	bool standard = strcmp(c->path, "-") == 0;
	FILE *f = standard ? stdin : fopen(c->path, "rbe");
	if (!f) {
		diag_add(&c->s->diags, FINDING(E601), (struct span){0}, "%s: %s", c->path,
			 strerror(errno));
		return false;
	}
	c->pcap = c->call.open(f, error);
	if (c->pcap)
		return true;
	if (!standard)
		fclose(f);
	return bad_capture(c->s, c->path, error);
}

struct capture *capture_open(struct session *s, const char *path)
{
	struct capture *c = arena_new_object(s->arena, struct capture);
	*c = (struct capture){.s = s, .path = path};
	if (!load_calls(s, &c->call) || !open_file(c))
		return NULL;
	if (c->call.datalink(c->pcap) == DLT_EN10MB)
		return c;
	bad_capture(s, path,
		    "the frames in it are not Ethernet's; capture at the port's interface");
	capture_close(c);
	return NULL;
}

bool capture_next(struct capture *c, struct captured *out)
{
	struct pcap_pkthdr *head;
	const u_char *bytes;
	int got = c->call.next(c->pcap, &head, &bytes);
	if (got == PCAP_ERROR)
		bad_capture(c->s, c->path, c->call.error(c->pcap));
	if (got != 1)
		return false;
	*out = (struct captured){{(const char *)bytes, head->caplen},
				 head->len,
				 (uint64_t)head->ts.tv_sec * 1000000u + (uint64_t)head->ts.tv_usec};
	return true;
}

void capture_close(struct capture *c)
{
	if (c && c->pcap)
		c->call.close(c->pcap);
}

/* Magic numbers of pcap (both orders, both precisions) and of pcapng. */
bool is_capture(const char *path)
{
	static const uint32_t magic[] = {0xa1b2c3d4, 0xd4c3b2a1, 0xa1b23c4d, 0x4d3cb2a1,
					 0x0a0d0d0a};
	uint32_t head = 0;
	FILE *f = strcmp(path, "-") == 0 ? NULL : fopen(path, "rbe");
	bool good = f && fread(&head, sizeof head, 1, f) == 1, is = false;
	if (f)
		fclose(f);
	for (size_t i = 0; i < sizeof magic / sizeof *magic; i++)
		is |= good && head == magic[i];
	return is;
}
