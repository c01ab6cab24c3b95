/* SPDX-License-Identifier: MIT */
#include "learnd/options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const char help[] =
	"usage: learnd --learn FILE --leases FILE [OPTION...] [-- COMMAND ARGUMENT...]\n"
	"       learnd --pcap FILE --port FILE [--mode any|dhcp] [--direction FILE] [--until +S]\n"
	"       learnd export OWNER --leases FILE\n"
	"       learnd import FILE --leases FILE\n"
	"\n"
	"  -l, --learn FILE      the ports to watch, as 'nwfc compile --learn' writes them\n"
	"  -L, --leases FILE     the journal of what was learned, for 'nwfc compile --leases'\n"
	"  -f, --foreground      stay in the foreground\n"
	"  -1, --once            end when every port has an address and the command has run\n"
	"  -e, --events FILE     append the events (JSON, a line each) to FILE\n"
	"  -v, --verbose         events also for what is tentative or ignored\n"
	"  -u, --user NAME       become this user once the sockets are open\n"
	"      --debounce MS     wait so long for more changes before the command runs (100)\n"
	"      --rings MIB       memory for frames of all ports together (256)\n"
	"      --pcap FILE       replay a capture; its times are the clock\n"
	"      --port FILE       the one port of a replay\n"
	"      --mode MODE       any or dhcp, instead of the port's first\n"
	"      --direction FILE  of a replay: > from the guest, < to it, a character a frame\n"
	"      --until +SECONDS  of a replay: let the clock go on after the last frame\n"
	"  -h, --help; -V, --version\n"
	"\n"
	"COMMAND runs after each change; without one: nwfc reload --learn FILE --leases FILE.\n"
	"See learnd(8).\n";

enum { OPT_DEBOUNCE = 256, OPT_RINGS, OPT_PCAP, OPT_PORT, OPT_MODE, OPT_DIRECTION, OPT_UNTIL };

static const struct option long_options[] = {
	{"learn", required_argument, NULL, 'l'},
	{"leases", required_argument, NULL, 'L'},
	{"foreground", no_argument, NULL, 'f'},
	{"once", no_argument, NULL, '1'},
	{"events", required_argument, NULL, 'e'},
	{"verbose", no_argument, NULL, 'v'},
	{"user", required_argument, NULL, 'u'},
	{"debounce", required_argument, NULL, OPT_DEBOUNCE},
	{"rings", required_argument, NULL, OPT_RINGS},
	{"pcap", required_argument, NULL, OPT_PCAP},
	{"port", required_argument, NULL, OPT_PORT},
	{"mode", required_argument, NULL, OPT_MODE},
	{"direction", required_argument, NULL, OPT_DIRECTION},
	{"until", required_argument, NULL, OPT_UNTIL},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0},
};

static bool bad_use(const char *why, const char *what)
{
	fprintf(stderr, "learnd: %s%s%s\nTry 'learnd --help'.\n", why, what ? " " : "",
		what ? what : "");
	return false;
}

static bool read_number(const char *text, unsigned long max, unsigned *out)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);
	*out = (unsigned)n;
	return *text >= '0' && *text <= '9' && !*end && n <= max;
}

/* "+3600", "+0.5"; the + may be missing. */
static bool read_until(const char *text, instant *out)
{
	char *end;
	double seconds = strtod(text, &end);
	if (end == text || *end || !(seconds >= 0 && seconds < 1e9))
		return false;
	*out = (instant)(seconds * 1e9);
	return true;
}

static bool take_mode(struct options *o, const char *text)
{
	for (enum learn_mode m = 0; m < MODES; m++)
		if (strcmp(text, mode_names[m]) == 0) {
			o->mode = m;
			o->has_mode = true;
			return true;
		}
	return bad_use("--mode wants any or dhcp, not", text);
}

static bool take_option(struct options *o, int opt, char *arg)
{
	switch (opt) {
	case 'l':
	case OPT_PORT:
		o->learn = arg;
		return true;
	case 'L':
		o->leases = arg;
		return true;
	case 'f':
		o->foreground = true;
		return true;
	case '1':
		o->once = o->foreground = true;
		return true;
	case 'e':
		o->events = arg;
		return true;
	case 'v':
		o->verbose = true;
		return true;
	case 'u':
		o->user = arg;
		return true;
	case OPT_DEBOUNCE:
		return read_number(arg, 60000, &o->debounce) ||
		       bad_use("--debounce wants milliseconds up to 60000, not", arg);
	case OPT_RINGS:
		return (read_number(arg, 1 << 20, &o->rings) && o->rings) ||
		       bad_use("--rings wants MiB, not", arg);
	case OPT_PCAP:
		o->pcap = arg;
		o->run = RUN_REPLAY;
		return true;
	case OPT_MODE:
		return take_mode(o, arg);
	case OPT_DIRECTION:
		o->direction = arg;
		return true;
	case OPT_UNTIL:
		o->has_until = true;
		return read_until(arg, &o->until) || bad_use("--until wants +SECONDS, not", arg);
	}
	return bad_use("that option is not known", NULL);
}

/* export OWNER, import FILE; in front of the options. */
static bool take_verb(int *argc, char ***argv, struct options *o)
{
	if (*argc < 2 || (*argv)[1][0] == '-')
		return true;
	o->run = strcmp((*argv)[1], "export") == 0   ? RUN_EXPORT
		 : strcmp((*argv)[1], "import") == 0 ? RUN_IMPORT
						     : RUN_DAEMON;
	if (o->run == RUN_DAEMON)
		return bad_use("export and import are the only verbs, not", (*argv)[1]);
	if (*argc < 3)
		return bad_use((*argv)[1], "wants an argument");
	o->argument = (*argv)[2];
	*argc -= 2;
	*argv += 2;
	return true;
}

static bool check(const struct options *o)
{
	bool replay = o->run == RUN_REPLAY;
	if (!o->learn && (replay || o->run == RUN_DAEMON))
		return bad_use(replay ? "--pcap wants --port FILE" : "--learn FILE is wanted",
			       NULL);
	if (!o->leases && !replay)
		return bad_use("--leases FILE is wanted", NULL);
	if (!replay && (o->direction || o->has_until))
		return bad_use("--direction and --until are for --pcap", NULL);
	if (o->run == RUN_DAEMON && !o->foreground && !o->events && !getenv("NOTIFY_SOCKET"))
		return bad_use("in the background the events want --events FILE", NULL);
	return true;
}

bool options_parse(int argc, char **argv, struct options *o, int *code)
{
	int opt;
	*o = (struct options){.debounce = 100, .rings = 256};
	*code = EXIT_BAD_USE;
	if (!take_verb(&argc, &argv, o))
		return false;
	while ((opt = getopt_long(argc, argv, "+l:L:f1e:vu:hV", long_options, NULL)) != -1) {
		if (opt == 'h' || opt == 'V') {
			fputs(opt == 'h' ? help : "learnd " NWFC_VERSION "\n", stdout);
			*code = EXIT_GOOD;
			return false;
		}
		if (!take_option(o, opt, optarg))
			return false;
	}
	if (optind < argc && strcmp(argv[optind - 1], "--") != 0)
		return bad_use("not an option, and a command stands behind --:", argv[optind]);
	if (optind < argc)
		o->command = argv + optind;
	return check(o);
}
