/* SPDX-License-Identifier: MIT */
/*
 * options.h - the command line, from one table.
 *
 * A row of the table is an option: its names, its argument, the subcommands
 * that have it, its help. The parser, --help and the check of the manual page
 * read the rows.
 */
#ifndef NWFC_NWFC_OPTIONS_H
#define NWFC_NWFC_OPTIONS_H

#include "backends/backend.h"

enum command {
#define COMMAND(id, name, letter, forms, fails, arguments, help) CMD_##id,
#include "nwfc/commands.def"
	COMMANDS
};

/* Exit codes of the program. */
enum exit_code { EXIT_GOOD, EXIT_FINDINGS, EXIT_BAD_INPUT, EXIT_BUG };

enum option_id {
#define OPTION(id, long_name, short_name, argument, commands, help) OPT_##id,
#include "nwfc/options.def"
	OPTIONS
};

struct words {
	const char **items;
	uint32_t n, cap;
};

struct options {
	enum command command;
	struct words inputs;          /* files, directories, "-" */
	struct words values[OPTIONS]; /* arguments given, in order; a flag has its own name */
	struct words all;             /* what stood behind the command, as it was given */
};

/* Rows of the tables, for help and completion. */
struct option_row {
	const char *name;
	char letter;
	const char *argument; /* NULL: a flag */
	const char *commands, *help;
};
struct command_row {
	const char *name;
	char letter;
	const char *forms; /* NULL: --format is the form of findings */
	const char *fails; /* NULL: findings do */
	const char *arguments, *help;
};
extern const struct option_row option_rows[OPTIONS];
extern const struct command_row command_rows[COMMANDS];
bool command_has(enum command c, enum option_id id);

/* The last argument of an option; NULL when it was not given. */
const char *option_value(const struct options *o, enum option_id id);
/* Its argument may be left out, and then stands behind a `=` alone. */
bool option_optional(int id);
bool option_given(const struct options *o, enum option_id id);

/*
 * Which of these words (NULL behind the last) an option says; the first when it is not given,
 * -1 when it says another one.
 */
int option_choice(const struct options *o, enum option_id id, const char *const *words);
extern const char *const text_or_json[];

/* False with a one-line reason in *why (from the arena). */
bool options_parse(struct arena *a, int argc, char **argv, struct options *o, struct str *why);

void options_help(struct buf *out, enum command c);

#endif
