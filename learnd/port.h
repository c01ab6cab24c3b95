/* SPDX-License-Identifier: MIT */
/*
 * port.h - what learnd is told about a port, and the learn file it is told by.
 *
 * The file is nwfc's (`nwfc compile --learn`): lines of a key and values, `-` for none,
 * a port from each `interface` to the next; learnd(8) has the keys.
 */
#ifndef NWFC_LEARND_PORT_H
#define NWFC_LEARND_PORT_H

#include "base/str.h"
#include "learnd/address.h"

enum learn_mode { MODE_ANY, MODE_DHCP, MODES };
extern const char *const mode_names[MODES];

typedef vec_of(struct address) address_list;

struct port_config {
	struct str interface, owner, link; /* owner, link: empty for none */
	uint8_t mac[6];
	bool modes[MODES];
	bool families[FAMILIES];
	address_list servers[FAMILIES];  /* trusted; empty: any */
	address_list gateway, elsewhere; /* never learned */
	uint32_t max_ips[MODES][FAMILIES];
	bool linklocal4;
	vec_of(struct prefix) prefixes; /* of a family that has any, addresses lie in one */
	unsigned line;                  /* where it begins */
};

struct learn_file {
	vec_of(struct port_config) ports;
	address_list taken; /* by ports that do not learn */
};

/* What is wrong, and where. */
struct fault {
	unsigned line; /* 0: the file as a whole */
	char text[160];
};

/* "learnd: PATH:LINE: TEXT" on standard error; the same without "learnd: " into text. */
#define FAULT_TEXT 512
void fault_say(const char *path, const struct fault *f);
void fault_print(const char *path, const struct fault *f, char text[FAULT_TEXT]);

/* Read a learn file. False with a fault; the arena (NULL: no memory) owns the results. */
#define LEARN_ARENA ((size_t)512 << 20)
bool learn_file_read(struct arena *a, const char *path, struct learn_file *out,
		     struct fault *fault);
bool learn_file_parse(struct arena *a, struct str text, struct learn_file *out,
		      struct fault *fault);

/* The whole of a file; a fault when it can not be read or is larger than max bytes. */
bool file_read(struct arena *a, const char *path, size_t max, struct str *out, struct fault *fault);

/* "OWNER/MAC": the port, whatever its interface is called. */
#define PORT_KEY 128
void port_key(const struct port_config *c, char key[PORT_KEY]);

#endif
