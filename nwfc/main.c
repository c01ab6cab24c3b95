/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <stdlib.h>

#include "nwfc/commands.h"

/* Address space, not memory: pages come as they are touched. */
#define DEFAULT_MEMORY_MIB 4096

static enum exit_code print_help(struct arena *a, const struct options *o)
{
	struct buf out;
	enum command c = o->command;
	char *words[3] = {"nwfc", NULL, NULL};
	if (c == CMD_HELP && o->inputs.n) {
		struct options which;
		struct str why;
		words[1] = (char *)o->inputs.items[0];
		if (options_parse(a, 2, words, &which, &why))
			c = which.command;
	}
	buf_open(&out, 1);
	options_help(&out, c);
	return buf_finish(&out) ? EXIT_BAD_INPUT : EXIT_GOOD;
}

static enum exit_code print_version(void)
{
	struct buf out;
	buf_open(&out, 1);
	buf_lit(&out, "nwfc " NWFC_VERSION "\n");
	return buf_finish(&out) ? EXIT_BAD_INPUT : EXIT_GOOD;
}

/* These read nothing, so an argument is a mistake. */
static bool no_inputs(const struct options *o)
{
	if (!o->inputs.n || (o->command != CMD_VERSION && o->command != CMD_FIELDS))
		return true;
	fprintf(stderr, "nwfc: this command takes no argument: '%s'\n", o->inputs.items[0]);
	return false;
}

static enum exit_code run(struct arena *a, const struct options *o)
{
	static enum exit_code (*const commands[COMMANDS])(struct session *) = {
#define COMMAND(id, name, ...) cmd_##name,
#define BUILT_IN(...)          NULL,
#include "nwfc/commands.def"
	};
	struct session s;
	if (o->command == CMD_HELP || option_given(o, OPT_HELP))
		return print_help(a, o);
	if (!no_inputs(o))
		return EXIT_BAD_INPUT;
	if (o->command == CMD_VERSION)
		return print_version();
	if (!session_open(&s, o, a))
		return EXIT_BAD_INPUT;
	enum exit_code code = commands[o->command](&s);
	session_close(&s);
	return code;
}

/* The memory option decides the arena's size, so it is looked for before there is one. */
static size_t memory_limit(int argc, char **argv)
{
	static const char name[] = "--max-memory";
	const char *value = NULL;
	for (int i = 1; i < argc; i++) {
		if (strncmp(argv[i], name, sizeof name - 1) != 0)
			continue;
		const char *rest = argv[i] + sizeof name - 1;
		value = *rest == '=' ? rest + 1 : !*rest && i + 1 < argc ? argv[i + 1] : value;
	}
	size_t mib = value ? strtoul(value, NULL, 10) : 0;
	return (mib && mib < (SIZE_MAX >> 24) ? mib : DEFAULT_MEMORY_MIB) << 20;
}

int main(int argc, char **argv)
{
	struct options o;
	struct str why;
	struct arena *a = arena_new(memory_limit(argc, argv));
	if (!a) {
		fprintf(stderr, "nwfc: no memory\n");
		return EXIT_BAD_INPUT;
	}
	if (!options_parse(a, argc, argv, &o, &why)) {
		fprintf(stderr, "nwfc: %.*s\n", STR_ARG(why));
		arena_free(a);
		return EXIT_BAD_INPUT;
	}
	enum exit_code code = run(a, &o);
	arena_free(a);
	return (int)code;
}
