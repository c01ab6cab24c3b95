/* SPDX-License-Identifier: MIT */
#include "nwfc/options.h"

#include <stdio.h>

const struct option_row option_rows[OPTIONS] = {
#define OPTION(id, long_name, short_name, argument, commands, help)                                \
	{long_name, short_name, argument, commands, help},
#include "nwfc/options.def"
};

const struct command_row command_rows[COMMANDS] = {
#define COMMAND(id, name, letter, forms, fails, arguments, help)                                   \
	{#name, letter, forms, fails, arguments, help},
#include "nwfc/commands.def"
};

const char *option_value(const struct options *o, enum option_id id)
{
	return o->values[id].n ? o->values[id].items[o->values[id].n - 1] : NULL;
}

bool option_given(const struct options *o, enum option_id id)
{
	return o->values[id].n > 0;
}

bool option_optional(int id)
{
	return option_rows[id].argument && option_rows[id].argument[0] == '[';
}

const char *const text_or_json[] = {"text", "json", NULL};

int option_choice(const struct options *o, enum option_id id, const char *const *words)
{
	const char *value = option_value(o, id);
	for (int i = 0; words[i]; i++)
		if (!value || strcmp(value, words[i]) == 0)
			return i;
	return -1;
}

static int find_command(struct str name)
{
	for (int c = 0; c < COMMANDS; c++)
		if (str_is(name, command_rows[c].name))
			return c;
	return -1;
}

bool command_has(enum command c, enum option_id id)
{
	return strchr(option_rows[id].commands, command_rows[c].letter) != NULL;
}

static int find_option(enum command c, struct str name, bool is_letter)
{
	for (int i = 0; i < OPTIONS; i++) {
		bool same = is_letter ? name.len == 1 && option_rows[i].letter &&
						name.s[0] == option_rows[i].letter
				      : str_is(name, option_rows[i].name);
		if (same && command_has(c, (enum option_id)i))
			return i;
	}
	return -1;
}

static void suggest(struct arena *a, enum command c, struct str name, struct str *why)
{
	const char *best = NULL;
	unsigned distance = 4;
	for (int i = 0; i < OPTIONS; i++)
		if (command_has(c, (enum option_id)i) &&
		    str_distance(name, str_from(option_rows[i].name)) < distance) {
			best = option_rows[i].name;
			distance = str_distance(name, str_from(best));
		}
	if (best)
		*why = str_printf(a, "%.*s; did you mean --%s?", STR_ARG(*why), best);
}

/* One option at argv[*i]: --name, --name=VALUE, --name VALUE, -xVALUE, -x VALUE; -MD as compilers
 * have it. */
static bool parse_option(struct arena *a, char **argv, int argc, int *i, struct options *o,
			 struct str *why)
{
	struct str word = str_from(argv[*i]);
	bool dashes = word.len > 2 && word.s[1] == '-', md = str_is(word, "-MD");
	struct str name = {word.s + (dashes ? 2 : 1), dashes ? word.len - 2 : md ? 2 : 1};
	const char *equals = dashes ? memchr(name.s, '=', name.len) : NULL;
	if (equals)
		name.len = (uint32_t)(equals - name.s);
	int id = find_option(o->command, name, !dashes && !md);
	if (id < 0) {
		*why = str_printf(a, "%s has no option %.*s%.*s", command_rows[o->command].name,
				  dashes ? 2 : 1, word.s, STR_ARG(name));
		if (dashes)
			suggest(a, o->command, name, why);
		return false;
	}
	const char *value = equals                           ? equals + 1
			    : !dashes && !md && word.len > 2 ? word.s + 2
							     : NULL;
	if (option_rows[id].argument && !value && !option_optional(id)) {
		if (*i + 1 >= argc) {
			*why = str_printf(a, "%s wants %s", word.s, option_rows[id].argument);
			return false;
		}
		value = argv[++*i];
	} else if (!option_rows[id].argument && value) {
		*why = str_printf(a, "%s takes no argument", option_rows[id].name);
		return false;
	}
	*vec_push(a, &o->values[id]) = value ? value : option_rows[id].name;
	return true;
}

static bool find_word(struct arena *a, const char *word, int *command, struct str *why)
{
	*command = strcmp(word, "--version") == 0 ? CMD_VERSION : find_command(str_from(word));
	if (*command >= 0)
		return true;
	*why = str_printf(a, "there is no command '%s'; nwfc help lists them", word);
	return false;
}

/*
 * nwfc --dump PASS [compile] INPUT...: this option alone may come before the command's
 * name, and makes it superfluous. *i: what comes behind both.
 */
static bool parse_dump_first(struct arena *a, int argc, char **argv, int *i, struct options *o,
			     struct str *why)
{
	o->command = CMD_COMPILE;
	if (!parse_option(a, argv, argc, i, o, why))
		return false;
	int c = ++*i < argc ? find_command(str_from(argv[*i])) : -1;
	if (c < 0)
		return true;
	++*i;
	o->command = (enum command)c;
	if (!command_has(o->command, OPT_DUMP))
		*why = str_printf(a, "%s has no option --dump", command_rows[c].name);
	return command_has(o->command, OPT_DUMP);
}

bool options_parse(struct arena *a, int argc, char **argv, struct options *o, struct str *why)
{
	int c, i = 2;
	*o = (struct options){.command = CMD_HELP};
	if (argc < 2) {
		*why = STR("which command?");
		for (int k = 0; k < COMMANDS; k++)
			*why = str_printf(a, "%.*s%s %s", STR_ARG(*why), k ? "," : "",
					  command_rows[k].name);
		return false;
	}
	struct str word = str_from(argv[1]);
	if (str_is(word, "--help") || str_is(word, "-h"))
		return true;
	if (str_is(word, "--dump") || strncmp(argv[1], "--dump=", 7) == 0) {
		i = 1;
		if (!parse_dump_first(a, argc, argv, &i, o, why))
			return false;
	} else {
		if (!find_word(a, argv[1], &c, why))
			return false;
		o->command = (enum command)c;
	}
	for (int k = i; k < argc; k++)
		*vec_push(a, &o->all) = argv[k];
	for (bool only_inputs = false; i < argc; i++) {
		bool option = !only_inputs && argv[i][0] == '-' && argv[i][1];
		if (option && strcmp(argv[i], "--") == 0)
			only_inputs = true;
		else if (!option)
			*vec_push(a, &o->inputs) = argv[i];
		else if (!parse_option(a, argv, argc, &i, o, why))
			return false;
	}
	return true;
}

static void help_options(struct buf *out, enum command c)
{
	for (int i = 0; i < OPTIONS; i++) {
		char left[48];
		if (!command_has(c, (enum option_id)i))
			continue;
		bool md = i == OPT_DEPS;
		int n = option_rows[i].letter
				? snprintf(left, sizeof left, "-%c, ", option_rows[i].letter)
				: snprintf(left, sizeof left, "    ");
		snprintf(left + n, sizeof left - (size_t)n, "%s%s%s%s", md ? "-" : "--",
			 option_rows[i].name,
			 option_optional(i) || !option_rows[i].argument ? "" : "=",
			 option_rows[i].argument ? option_rows[i].argument : "");
		bool own = i == OPT_FORMAT && command_rows[c].forms;
		buf_printf(out, "  %-26s %s\n", left,
			   own ? command_rows[c].forms : option_rows[i].help);
	}
}

void options_help(struct buf *out, enum command c)
{
	if (c < CMD_HELP) {
		buf_printf(out, "usage: nwfc %s %s\n\n%s\n\n", command_rows[c].name,
			   command_rows[c].arguments, command_rows[c].help);
		help_options(out, c);
	} else {
		buf_lit(out, "usage: nwfc COMMAND [OPTION]... [INPUT]...\n\n"
			     "nwfc compiles network filters of virtual machines into firewall "
			     "scripts.\n\n");
		for (int i = 0; i < COMMANDS; i++)
			buf_printf(out, "  %-10s %s\n", command_rows[i].name, command_rows[i].help);
		buf_lit(out, "\nnwfc COMMAND --help has the options; nwfc(1) all of it.\n");
	}
	const char *fails = command_rows[c].fails;
	buf_printf(
		out,
		"\nInputs are files, directories (all *.xml and *.nwf in them) or - for standard "
		"input.\nExit status: 0 good, 1 %s, 2 bad input or usage, 3 a bug of nwfc.\n",
		fails ? fails : "findings that fail");
}
