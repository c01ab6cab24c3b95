/* SPDX-License-Identifier: MIT */
/*
 * completion: what shells and vim want to know, from the tables of options,
 * commands, fields and words.
 */
#include <stdio.h>

#include "frontend/nwf/words.h"
#include "frontend/stock.h"
#include "ir/findings.h"
#include "nwfc/commands.h"
#include "nwfc/output.h"

/* Arguments whose words are known; what is not here is a file or free text. */
static const struct {
	enum option_id id;
	const char *words;
} argument_words[] = {
	{OPT_TARGET, "ebtables iptables ip6tables xtables nft bridge all"},
	{OPT_ALLOW_LOSS, "refused widened narrowed"},
	{OPT_DUMP, "parse resolve bind layout"},
	{OPT_FORMAT, "text json sarif svg dot mermaid markdown html junit"},
	{OPT_VIEW, "all filters chains"},
	{OPT_TO, "xml nwf"},
	{OPT_VERIFY, "always auto never"},
};

static const char *words_of(int id)
{
	for (size_t i = 0; i < sizeof argument_words / sizeof argument_words[0]; i++)
		if ((int)argument_words[i].id == id)
			return argument_words[i].words;
	return NULL;
}

static const char *dashes(int id)
{
	return id == OPT_DEPS ? "-" : "--";
}

static const char *const shell_names[] = {"bash", "zsh", "fish", "vim"};
enum { SHELLS = sizeof shell_names / sizeof shell_names[0] };

static void put_commands(struct buf *out)
{
	for (int c = 0; c < COMMANDS; c++)
		buf_printf(out, "%s%s", c ? " " : "", command_rows[c].name);
}

static void put_codes(struct buf *out)
{
	for (int i = 0; i < FINDINGS; i++)
		buf_printf(out, "%s%s", i ? " " : "", finding_kinds[i].code);
}

static void put_shells(struct buf *out)
{
	for (int i = 0; i < SHELLS; i++)
		buf_printf(out, "%s%s", i ? " " : "", shell_names[i]);
}

/* What comes with the program is named by its file. */
static void put_stock(struct buf *out, const struct stock_filter *list)
{
	for (const struct stock_filter *s = list; s->path; s++) {
		const char *slash = strrchr(s->path, '/'), *name = slash ? slash + 1 : s->path;
		buf_printf(out, "%s%.*s", s == list ? "" : " ", (int)strcspn(name, "."), name);
	}
}

static void put_filters(struct buf *out)
{
	put_stock(out, stock_filters);
}

/* The parts, and before them what they are parts of. */
static void put_ready(struct buf *out)
{
	buf_lit(out, "anti-spoof ");
	put_stock(out, stock_assertions);
}

/* The words that an option's argument can be, or a command's (id: -1); false: files and the like.
 */
static bool put_words(struct buf *out, int id, int command)
{
	void (*const put)(struct buf *) = id == OPT_FILTER            ? put_filters
					  : id == OPT_READY           ? put_ready
					  : id >= 0                   ? NULL
					  : command == CMD_HELP       ? put_commands
					  : command == CMD_EXPLAIN    ? put_codes
					  : command == CMD_COMPLETION ? put_shells
								      : NULL;
	const char *words = id < 0 ? NULL : words_of(id);
	if (put)
		put(out);
	else if (words)
		buf_str(out, str_from(words));
	return put || words;
}

static bool has_words(int id, int command)
{
	struct buf none;
	buf_memory(&none);
	bool has = put_words(&none, id, command);
	buf_drop(&none);
	return has;
}

/* --- bash --- */

static void put_bash_options(struct buf *out, enum command c)
{
	for (int i = 0; i < OPTIONS; i++)
		if (command_has(c, (enum option_id)i))
			buf_printf(out, " %s%s%s", dashes(i), option_rows[i].name,
				   option_rows[i].argument && !option_optional(i) ? "=" : "");
}

static void put_bash(struct buf *out)
{
	buf_lit(out,
		"# bash completion for nwfc, made by `nwfc completion bash`\n"
		"_nwfc()\n{\n"
		"\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words=\n"
		"\t[ \"$cur\" = = ] && cur=\n"
		"\t[ \"$prev\" = = ] && prev=${COMP_WORDS[COMP_CWORD-2]}\n"
		"\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n\t\tCOMPREPLY=($(compgen -W '");
	put_commands(out);
	buf_lit(out, "' -- \"$cur\"))\n\t\treturn\n\tfi\n\tcase $prev in\n");
	for (int i = 0; i < OPTIONS; i++) {
		if (!has_words(i, -1))
			continue;
		buf_printf(out, "\t--%s", option_rows[i].name);
		if (option_rows[i].letter)
			buf_printf(out, "|-%c", option_rows[i].letter);
		buf_lit(out, ") words='");
		put_words(out, i, -1);
		buf_lit(out, "' ;;\n");
	}
	buf_lit(out, "\t*)\n\t\tcase ${COMP_WORDS[1]} in\n");
	for (int c = 0; c < COMMANDS; c++) {
		if (!has_words(-1, c))
			continue;
		buf_printf(out, "\t\t%s) [ \"${cur:0:1}\" = - ] || words='", command_rows[c].name);
		put_words(out, -1, c);
		buf_lit(out, "' ;;\n");
	}
	buf_lit(out, "\t\tesac ;;\n\tesac\n\tif [ -z \"$words\" ] && [ \"${cur:0:1}\" = - ]; then\n"
		     "\t\tcase ${COMP_WORDS[1]} in\n");
	for (int c = 0; c < COMMANDS; c++) {
		buf_printf(out, "\t\t%s) words='", command_rows[c].name);
		put_bash_options(out, (enum command)c);
		buf_lit(out, "' ;;\n");
	}
	buf_lit(out, "\t\tesac\n\t\tcompopt -o nospace 2>/dev/null\n\tfi\n"
		     "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\n"
		     "complete -o default -F _nwfc nwfc\n");
}

/* --- zsh --- */

/* Within single quotes and an option's [...]: what would end either. */
static void put_zsh_help(struct buf *out, const char *help)
{
	for (; *help; help++) {
		if (*help == '\'')
			buf_lit(out, "'\\''");
		else if (strchr("[]:\\", *help))
			buf_char(out, '\\'), buf_char(out, *help);
		else
			buf_char(out, *help);
	}
}

static void put_zsh_option(struct buf *out, int i)
{
	const struct option_row *r = &option_rows[i];
	buf_printf(out, "\t\t\t'*%s%s%s[", dashes(i), r->name,
		   option_optional(i) ? "=-"
		   : r->argument      ? "="
				      : "");
	put_zsh_help(out, r->help);
	buf_lit(out, "]");
	if (option_optional(i)) {
		buf_printf(out, "::%s:(", r->name);
		put_words(out, i, -1);
		buf_lit(out, ")");
	} else if (r->argument && has_words(i, -1)) {
		buf_printf(out, ":%s:(", r->argument);
		put_words(out, i, -1);
		buf_lit(out, ")");
	} else if (r->argument)
		buf_printf(out, ":%s:_files", r->argument);
	buf_lit(out, "' \\\n");
}

static void put_zsh(struct buf *out)
{
	buf_lit(out, "#compdef nwfc\n# made by `nwfc completion zsh`\n"
		     "_nwfc() {\n\tlocal -a commands\n\tcommands=(\n");
	for (int c = 0; c < COMMANDS; c++) {
		buf_printf(out, "\t\t'%s:", command_rows[c].name);
		put_zsh_help(out, command_rows[c].help);
		buf_lit(out, "'\n");
	}
	buf_lit(out, "\t)\n\tif (( CURRENT == 2 )); then\n\t\t_describe command commands\n"
		     "\t\treturn\n\tfi\n\tlocal command=$words[2]\n\tshift words\n"
		     "\t(( CURRENT-- ))\n\tcase $command in\n");
	for (int c = 0; c < COMMANDS; c++) {
		buf_printf(out, "\t(%s)\n\t\t_arguments \\\n", command_rows[c].name);
		for (int i = 0; i < OPTIONS; i++)
			if (command_has((enum command)c, (enum option_id)i))
				put_zsh_option(out, i);
		buf_lit(out, "\t\t\t'*:input:");
		if (has_words(-1, c)) {
			buf_lit(out, "(");
			put_words(out, -1, c);
			buf_lit(out, ")'\n\t\t;;\n");
		} else {
			buf_lit(out, "_files'\n\t\t;;\n");
		}
	}
	buf_lit(out, "\tesac\n}\n_nwfc \"$@\"\n");
}

/* --- fish --- */

static void put_fish_text(struct buf *out, const char *text)
{
	buf_char(out, '\'');
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			buf_char(out, '\\');
		buf_char(out, *text);
	}
	buf_char(out, '\'');
}

static void put_fish_option(struct buf *out, enum command c, int i)
{
	const struct option_row *r = &option_rows[i];
	buf_printf(out, "complete -c nwfc -n '__fish_seen_subcommand_from %s' %s %s",
		   command_rows[c].name, i == OPT_DEPS ? "-o" : "-l", r->name);
	if (r->letter)
		buf_printf(out, " -s %c", r->letter);
	if (r->argument && !option_optional(i))
		buf_lit(out, " -r");
	if (has_words(i, -1)) {
		buf_lit(out, " -f -a '");
		put_words(out, i, -1);
		buf_lit(out, "'");
	}
	buf_lit(out, " -d ");
	put_fish_text(out, r->help);
	buf_lit(out, "\n");
}

static void put_fish(struct buf *out)
{
	buf_lit(out, "# fish completion for nwfc, made by `nwfc completion fish`\n");
	for (int c = 0; c < COMMANDS; c++) {
		buf_printf(out, "complete -c nwfc -f -n __fish_use_subcommand -a %s -d ",
			   command_rows[c].name);
		put_fish_text(out, command_rows[c].help);
		buf_lit(out, "\n");
		for (int i = 0; i < OPTIONS; i++)
			if (command_has((enum command)c, (enum option_id)i))
				put_fish_option(out, (enum command)c, i);
		if (!has_words(-1, c))
			continue;
		buf_printf(out, "complete -c nwfc -n '__fish_seen_subcommand_from %s' -f -a '",
			   command_rows[c].name);
		put_words(out, -1, c);
		buf_lit(out, "'\n");
	}
}

/* --- vim --- */

static void put_keyword_line(struct buf *out, const char *group)
{
	buf_printf(out, "\nsyn keyword %s", group);
}

/* The words of fields behind their first one, each once. */
static void put_vim_fields(struct session *s, struct buf *out)
{
	struct map seen = {0};
	put_keyword_line(out, "nwfField");
	for (const struct nwf_header *h = nwf_headers; h->word; h++)
		nwf_each_field (f, h) {
			bool added;
			struct str word = str_from(nwf_field_word(h, f));
			const char *blank = memchr(word.s, ' ', word.len);
			if (blank)
				word.len = (uint32_t)(blank - word.s);
			map_put(s->arena, &seen, word, &added);
			if (added)
				buf_printf(out, " %.*s", STR_ARG(word));
		}
}

static void put_vim(struct session *s, struct buf *out)
{
	buf_lit(out, "\" Vim syntax file of the nwf language, made by `nwfc completion vim`\n"
		     "if exists('b:current_syntax')\n\tfinish\nendif\n"
		     "syn iskeyword @,48-57,_,-\n"
		     "syn match nwfComment /#.*/ contains=@Spell\n"
		     "syn region nwfString start=/\"/ skip=/\\\\./ end=/\"/ oneline\n"
		     "syn match nwfVariable /\\$\\w\\+\\(\\[[^]]*\\]\\)\\?/\n"
		     "syn match nwfNumber /\\<[0-9][0-9a-fA-Fx:.\\/-]*/\n"
		     "syn match nwfLayer /\\<\\(frames\\|packets\\):/\n"
		     "syn match nwfOperator /!=\\|<=\\|>\\|=/");
	put_keyword_line(out, "nwfAction");
	buf_lit(out, " pass");
	for (int i = 0; i < ACTIONS; i++)
		buf_printf(out, " %s", action_names[i]);
	put_keyword_line(out, "nwfDirection");
	for (int i = 0; i < DIRECTIONS; i++)
		buf_printf(out, " %s", direction_names[i]);
	put_keyword_line(out, "nwfHeader");
	for (const struct nwf_header *h = nwf_headers; h->word; h++)
		buf_printf(out, " %s", h->word);
	put_vim_fields(s, out);
	put_keyword_line(out, "nwfStatement");
	for (const char *const *w = nwf_statement_words; *w; w++)
		buf_printf(out, " %s", *w);
	for (const char *const *w = nwf_assert_words; *w; w++)
		buf_printf(out, " %s", *w);
	static const char *const links[][2] = {
		{"Comment", "Comment"},     {"String", "String"},
		{"Variable", "Identifier"}, {"Number", "Number"},
		{"Layer", "Label"},         {"Operator", "Operator"},
		{"Action", "Statement"},    {"Direction", "StorageClass"},
		{"Header", "Type"},         {"Field", "Function"},
		{"Statement", "Keyword"}};
	buf_char(out, '\n');
	for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
		buf_printf(out, "hi def link nwf%s %s\n", links[i][0], links[i][1]);
	buf_lit(out, "let b:current_syntax = 'nwf'\n");
}

enum exit_code cmd_completion(struct session *s)
{
	static void (*const shells[])(struct buf *) = {put_bash, put_zsh, put_fish};
	struct output o;
	int which = -1;
	for (int i = 0; i < SHELLS && s->opt->inputs.n == 1; i++)
		if (strcmp(s->opt->inputs.items[0], shell_names[i]) == 0)
			which = i;
	if (which < 0) {
		fprintf(stderr, "nwfc: completion wants bash, zsh, fish or vim\n");
		return EXIT_BAD_INPUT;
	}
	if (!output_open(s, option_value(s->opt, OPT_OUTPUT), false, &o))
		return session_verdict(s);
	if (which < 3)
		shells[which](&o.buf);
	else
		put_vim(s, &o.buf);
	if (output_close(s, &o))
		output_commit(s, &o);
	return session_verdict(s);
}
