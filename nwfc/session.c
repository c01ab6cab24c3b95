/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "nwfc/session.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ir/findings.h"
#include "nwfc/progress.h"
#include "nwfc/render.h"

#define MAX_FINDINGS 1000
#define MAX_FILE     ((size_t)1 << 30)

static bool read_number(const char *text, uint64_t max, uint64_t *out)
{
	char *end;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return text[0] >= '0' && text[0] <= '9' && !*end && !errno && *out && *out <= max;
}

static bool read_limits(struct session *s)
{
	const char *product = option_value(s->opt, OPT_PRODUCT);
	s->limits = default_limits;
	if (product && !read_number(product, UINT64_MAX, &s->limits.product)) {
		fprintf(stderr, "nwfc: --max-product wants a number\n");
		return false;
	}
	const char *memory = option_value(s->opt, OPT_MEMORY); /* the arena is there already */
	uint64_t mib;
	if (memory && !read_number(memory, SIZE_MAX >> 24, &mib)) {
		fprintf(stderr, "nwfc: --max-memory wants a number of MiB\n");
		return false;
	}
	return true;
}

/* In which form findings are printed; NULL: in none that there is. Some commands have forms of
 * their own. */
static const struct findings_form {
	const char *name;
	void (*render)(const struct session *s, struct buf *out); /* NULL: as text */
} * findings_form(const struct options *opt)
{
	static const struct findings_form forms[] = {
		{"text", NULL}, {"json", render_json}, {"sarif", render_sarif}};
	const char *format =
		command_rows[opt->command].forms ? NULL : option_value(opt, OPT_FORMAT);
	for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
		if (!format || strcmp(format, forms[i].name) == 0)
			return &forms[i];
	return NULL;
}

/*
 * -W: no-NAME, error=NAME, or NAME for as usual; the last one of a kind holds.
 * Names of kinds may begin with no- themselves.
 */
static const char *set_level(uint8_t *levels, struct str word)
{
	static const struct {
		struct str prefix;
		enum diag_level level;
	} forms[] = {{STR("no-"), LEVEL_OFF}, {STR("error="), LEVEL_ERROR}, {STR(""), LEVEL_USUAL}};
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		uint32_t n = forms[i].prefix.len;
		if (word.len < n || memcmp(word.s, forms[i].prefix.s, n) != 0)
			continue;
		int kind = finding_find((struct str){word.s + n, word.len - n});
		if (kind < 0)
			continue;
		if (finding_kinds[kind].severity == SEV_ERROR)
			return "is an error, and stays one";
		levels[kind] = (uint8_t)forms[i].level;
		return NULL;
	}
	return "wants no-NAME, error=NAME or NAME, NAME being one of nwfc explain";
}

static bool read_levels(struct session *s)
{
	const struct words *w = &s->opt->values[OPT_WARN];
	if (!w->n)
		return true;
	uint8_t *levels = arena_new_array(s->arena, uint8_t, FINDINGS);
	for (uint32_t i = 0; i < w->n; i++) {
		const char *why = set_level(levels, str_from(w->items[i]));
		if (why) {
			fprintf(stderr, "nwfc: -W %s: %s\n", w->items[i], why);
			return false;
		}
	}
	s->diags.kinds = finding_kinds;
	s->diags.levels = levels;
	return true;
}

bool session_open(struct session *s, const struct options *opt, struct arena *a)
{
	*s = (struct session){.opt = opt, .arena = a};
	s->sources = (struct sources){.arena = a, .max_size = MAX_FILE};
	s->diags = (struct diags){.arena = a,
				  .sources = &s->sources,
				  .max = MAX_FINDINGS,
				  .lenient = option_given(opt, OPT_LENIENT)};
	if (!findings_form(opt)) {
		fprintf(stderr, "nwfc: --format wants text, json or sarif\n");
		return false;
	}
	if (!read_levels(s))
		return false;
	s->xml = xml_input_new();
	return s->xml && read_limits(s);
}

void session_close(struct session *s)
{
	xml_input_free(s->xml);
}

/* --- which files --- */

bool input_name_ok(const char *name)
{
	size_t n = strlen(name);
	return name[0] != '.' && n > 4 &&
	       (strcmp(name + n - 4, ".xml") == 0 || strcmp(name + n - 4, ".nwf") == 0);
}

static int wanted(const struct dirent *d)
{
	return input_name_ok(d->d_name);
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static bool unreadable(struct session *s, const char *path)
{
	diag_add(&s->diags,
		 errno == EFBIG    ? FINDING(E604)
		 : errno == ENOMEM ? FINDING(E603)
				   : FINDING(E601),
		 (struct span){0}, "%s: %s", path, strerror(errno));
	return false;
}

static void add_file(struct session *s, const char *path, const struct stat *st,
		     struct input_list *out)
{
	uint64_t ino = S_ISREG(st->st_mode) ? st->st_ino : 0;
	*vec_push(s->arena, &out->files) =
		(struct input_file){.path = path, .dev = st->st_dev, .ino = ino};
}

/* A compile may find that there is no port any more; a check of nothing is a slip. */
static void say_empty(struct session *s, const char *dir)
{
	if (s->opt->command != CMD_CHECK)
		return;
	struct finding *f = diag_add(&s->diags, FINDING(W212), (struct span){0},
				     "%s: there is no *.xml and no *.nwf in this folder", dir);
	diag_hint(&s->diags, f, "folders below it are not looked into; name them");
}

static void list_directory(struct session *s, const char *dir, struct input_list *out)
{
	struct dirent **list;
	struct stat st;
	int n = scandir(dir, &list, wanted, by_bytes);
	if (n < 0) {
		unreadable(s, dir);
		return;
	}
	if (!n)
		say_empty(s, dir);
	for (int i = 0; i < n; i++) {
		const char *path = str_printf(s->arena, "%s/%s", dir, list[i]->d_name).s;
		if (stat(path, &st) < 0)
			unreadable(s, path);
		else
			add_file(s, path, &st, out);
		free(list[i]);
	}
	free(list);
}

void list_inputs(struct session *s, const struct words *inputs, struct input_list *out)
{
	vec_each (input, inputs) {
		struct stat st = {0};
		if (s->overlay && map_find(s->overlay, str_from(*input)))
			add_file(s, *input, &st, out);
		else if (strcmp(*input, "-") != 0 && stat(*input, &st) < 0)
			unreadable(s, *input);
		else if (S_ISDIR(st.st_mode))
			list_directory(s, *input, out);
		else
			add_file(s, *input, &st, out);
	}
}

static struct str identity(struct arena *a, const struct input_file *f)
{
	uint64_t id[2] = {f->dev, f->ino};
	return (struct str){arena_copy(a, id, sizeof id), sizeof id};
}

static void index_files(struct session *s, const struct input_list *in, struct map *out)
{
	vec_each (f, &in->files)
		if (f->ino)
			map_put(s->arena, out, identity(s->arena, f), NULL)->ptr = f;
}

/* Elements that hold ports and never filters. */
static const char *const port_roots[] = {"<filterbinding", "<interface", "<dom", "<network", NULL};

/* Does the text begin with one of these? */
static bool begins_with(const char *path, const char *const *roots)
{
	char head[sizeof "<filterbinding"]; /* the longest: of thousands of files no more is read */
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, head, sizeof head - 1);
	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return false;
	head[n] = 0;
	for (; *roots; roots++)
		if (strncmp(head, *roots, strlen(*roots)) == 0)
			return true;
	return false;
}

void mark_shared(struct session *s, struct input_list *a, struct input_list *b)
{
	struct map in_a = {0};
	index_files(s, a, &in_a);
	vec_each (f, &b->files) {
		struct map_entry *e = f->ino ? map_find(&in_a, identity(s->arena, f)) : NULL;
		if (e && begins_with(f->path, port_roots))
			f->shared = ((struct input_file *)e->ptr)->shared = true;
	}
}

/* --- reading --- */

uint32_t read_source(struct session *s, const char *path)
{
	const struct map_entry *e = s->overlay ? map_find(s->overlay, str_from(path)) : NULL;
	if (e)
		return source_add(&s->sources, e->key, *(const struct str *)e->cptr);
	uint32_t file = source_read(&s->sources, path);
	if (!file)
		unreadable(s, path);
	return file;
}

static void read_file(struct session *s, struct parse_ctx *cx, const struct input_file *f)
{
	uint32_t file = f->source ? f->source : read_source(s, f->path);
	uint32_t filters = cx->library->by_name.entries.n, ports = cx->ports->list.n;
	if (file && !parse_source(cx, s->xml, file) && cx->library->by_name.entries.n == filters &&
	    cx->ports->list.n == ports)
		cx->library->incomplete = true;
}

/* A text made of the arguments gives their errors a place. */
static struct span command_line(struct session *s, const char *option, struct str value)
{
	struct str text = str_printf(s->arena, "%s%.*s", option, STR_ARG(value));
	uint32_t lo = (uint32_t)strlen(option);
	return (struct span){source_add(&s->sources, STR("<command line>"), text), lo, text.len};
}

static void define_params(struct session *s, struct params *ps)
{
	vec_each (d, &s->opt->values[OPT_DEFINE]) {
		struct str text = str_from(*d);
		struct span sp = command_line(s, "-D ", text);
		const char *eq = memchr(text.s, '=', text.len);
		if (!eq) {
			diag_add(&s->diags, FINDING(E120), sp, "-D wants NAME=VALUE");
			continue;
		}
		uint32_t n = (uint32_t)(eq - text.s);
		params_add(ps, (struct str){text.s, n}, (struct span){sp.file, sp.lo, sp.lo + n},
			   (struct str){eq + 1, text.len - n - 1},
			   (struct span){sp.file, sp.lo + n + 1, sp.hi}, &s->diags);
	}
}

static void read_mac(struct session *s, const char *mac, struct port *p)
{
	if (!mac) {
		diag_add(&s->diags, FINDING(E203), (struct span){0},
			 "--filter wants --port and --mac beside it");
		return;
	}
	const char *why = value_parse(s->arena, VT_MAC, 0, 0, str_from(mac), &p->mac);
	if (!why && (p->mac.mac[0] & 1))
		why = "is a group address";
	if (why)
		diag_add(&s->diags, FINDING(E203), command_line(s, "--mac=", str_from(mac)),
			 "MAC address '%s' %s", mac, why);
}

static void add_port(struct session *s, struct host *h)
{
	const char *name = option_value(s->opt, OPT_PORT), *mac = option_value(s->opt, OPT_MAC);
	const char *filter = option_value(s->opt, OPT_FILTER);
	if (!filter && (mac || option_given(s->opt, OPT_DEFINE)))
		diag_add(&s->diags, FINDING(E204), (struct span){0},
			 "%s is of the command line's port, which wants --filter",
			 mac ? "--mac" : "-D");
	if (!filter || (s->opt->command == CMD_GRAPH && !name && !mac)) /* a filter to draw */
		return;
	struct port *p = arena_new_object(s->arena, struct port);
	p->name = str_from(name ? name : "");
	p->span = p->name_span = command_line(s, "--port=", p->name);
	p->filter.filter = str_from(filter);
	p->filter.span = command_line(s, "--filter=", p->filter.filter);
	define_params(s, &p->filter.params);
	read_mac(s, mac, p);
	ports_add(&h->ports, p, &s->diags);
}

/* What -I has and the inputs have not; two of one name among them are an error. */
static void load_includes(struct session *s, struct parse_ctx *cx, const struct input_list *given,
			  struct host *h)
{
	struct library found = {0};
	struct input_list in = {0};
	struct parse_ctx sub = *cx;
	struct ports none = {0};
	struct map known = {0};
	sub.library = &found;
	sub.ports = &none;
	sub.assertions = NULL;
	list_inputs(s, &s->opt->values[OPT_INCLUDE], &in);
	index_files(s, given, &known);
	vec_each (f, &in.files)
		if (!map_find(&known, identity(s->arena, f)) && !begins_with(f->path, port_roots))
			read_file(s, &sub, f);
	h->library.incomplete |= found.incomplete;
	map_each (e, &found.by_name) {
		((struct filter *)e->ptr)->looked_up = true;
		library_add(&h->library, e->ptr, true, &s->diags);
	}
}

/*
 * Stock filters are read only when something refers to them, since reading all
 * takes as long as the rest of a small compile. A name that not even they have
 * brings all of them in, for the sake of "did you mean".
 */
struct stock_need {
	struct session *s;
	struct parse_ctx *cx;
	struct host *h;
	bool all;
};

static void need(struct stock_need *n, struct str name)
{
	if (n->all || library_find(&n->h->library, name) ||
	    parse_stock_filter(n->cx, n->s->xml, name))
		return;
	parse_stock(n->cx, n->s->xml);
	n->all = true;
}

static void need_ref(struct stock_need *n, const struct filter_ref *ref)
{
	if (!ref->joined) {
		need(n, ref->filter);
		return;
	}
	vec_each (e, &ref->joined->entries)
		need(n, e->ref->filter);
}

/* Does any rule use this variable, and some port not give it? Then it may have to be learned. */
static bool may_learn(const struct host *h, struct str name)
{
	bool lacking = false;
	vec_each (p, &h->ports.list)
		lacking |= !port_gives(*p, name);
	vec_each (p, &h->ports.unnamed)
		lacking |= !port_gives(*p, name);
	if (!lacking)
		return false;
	map_each (e, &h->library.by_name) {
		const struct filter *f = e->cptr;
		vec_each (en, &f->entries) {
			if (en->kind == ENTRY_RULE && rule_uses(en->rule, name))
				return true;
		}
	}
	return false;
}

static void load_stock(struct stock_need *n)
{
	vec_each (p, &n->h->ports.list)
		need_ref(n, &(*p)->filter);
	vec_each (p, &n->h->ports.unnamed)
		need_ref(n, &(*p)->filter);
	bool learn = false;
	for (uint32_t i = 0; !n->all; i++) {
		if (i == n->h->library.by_name.entries.n) {
			if (learn || !(may_learn(n->h, STR("IP")) || may_learn(n->h, STR("IPV6"))))
				break;
			learn = true;
			for (const char *const *name = learning_sets; *name; name++)
				need(n, str_from(*name));
			i = 0;
		}
		const struct filter *f = n->h->library.by_name.entries.items[i].cptr;
		vec_each (e, &f->entries) {
			if (e->kind == ENTRY_REF)
				need(n, e->ref->filter);
		}
	}
}

static void read_inputs(struct session *s, struct parse_ctx *cx, const struct input_list *in,
			bool skip_shared, struct host *h)
{
	struct progress pr;
	progress_start(&pr, "reading", in->files.n);
	vec_each (f, &in->files) {
		uint32_t filters = h->library.by_name.entries.n;
		if (skip_shared && f->shared)
			h->skipped = true;
		else
			read_file(s, cx, f);
		h->own_filters |= h->library.by_name.entries.n > filters;
		progress_step(&pr);
	}
	progress_end(&pr);
}

/* These know every stock filter; the others those that are referred to. */
static bool wants_stock(enum command c)
{
	return c == CMD_LIST || c == CMD_CHECK || c == CMD_GRAPH || c == CMD_WHERE ||
	       c == CMD_COUNTERS || c == CMD_PROVE;
}

/* Is the script for bridges among what is to be written, or all of it? */
static bool wants_bridge(const struct options *o, bool alone)
{
	bool any = false, others = false;
	vec_each (t, &o->values[OPT_TARGET]) {
		bool all = strcmp(*t, "all") == 0, bridge = strcmp(*t, "bridge") == 0;
		any |= all || bridge;
		others |= !bridge;
	}
	return any && !(alone && others);
}

bool load_host(struct session *s, const struct input_list *in, bool with_port, bool skip_shared,
	       struct host *h)
{
	struct parse_ctx cx = {.arena = s->arena,
			       .sources = &s->sources,
			       .diags = &s->diags,
			       .library = &h->library,
			       .ports = &h->ports,
			       .networks = &h->networks,
			       .interfaces = &h->interfaces,
			       .assertions = &h->assertions};
	struct stock_need n = {s, &cx, h, false};
	const char *port = option_value(s->opt, OPT_PORT);
	cx.bridges_alone = wants_bridge(s->opt, true);
	if (port && !option_given(s->opt, OPT_FILTER))
		cx.port_name = str_from(port);
	read_inputs(s, &cx, in, skip_shared, h);
	if (with_port)
		add_port(s, h);
	load_includes(s, &cx, in, h);
	networks_nest(s->arena, &h->networks, &s->diags);
	interfaces_resolve(s->arena, &h->interfaces, &h->networks, &h->ports, &s->diags);
	interfaces_say_bare(&h->interfaces, wants_bridge(s->opt, false), &s->diags);
	uint32_t own = h->library.by_name.entries.n; /* what is added from here on is stock */
	if (wants_stock(s->opt->command))
		parse_stock(&cx, s->xml);
	else
		load_stock(&n);
	for (uint32_t i = own; i < h->library.by_name.entries.n; i++)
		((struct filter *)h->library.by_name.entries.items[i].ptr)->stock = true;
	return s->diags.errors == 0;
}

/* --- the end --- */

/* What a target can not say, and a script that says something else: the input is good. */
static bool is_loss(const struct finding *f)
{
	return f->kind->code[1] == '5' || f->kind == FINDING(E802);
}

bool session_fails(const struct session *s)
{
	return s->diags.raised || (s->diags.warnings && option_given(s->opt, OPT_WERROR));
}

/* check's findings are its output, so for programs they go to standard output. */
static bool print_findings(struct session *s)
{
	const struct findings_form *form = findings_form(s->opt);
	bool check = s->opt->command == CMD_CHECK;
	struct buf out;
	if (!form->render) {
		render_findings(s, stderr);
		return true;
	}
	buf_open(&out, check ? STDOUT_FILENO : STDERR_FILENO);
	form->render(s, &out);
	int e = buf_finish(&out);
	if (e)
		fprintf(stderr, "nwfc: standard output: %s\n", strerror(e));
	return !e;
}

enum exit_code session_verdict(struct session *s)
{
	bool other = false;
	if (!print_findings(s))
		return EXIT_BAD_INPUT;
	vec_each (f, &s->diags.list)
		other |= (*f)->severity == SEV_ERROR && (*f)->kind->severity == SEV_ERROR &&
			 !is_loss(*f);
	if (other)
		return EXIT_BAD_INPUT;
	return s->diags.errors || session_fails(s) ? EXIT_FINDINGS : EXIT_GOOD;
}
