/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "nwfc/learn.h"

#include <errno.h>
#include <limits.h>
#include <unistd.h>

#define FIRST_LINE "nwfc-learn 1"

/* Addresses on one line. */
#define TAKEN_A_LINE 8

/* --- the head --- */

static void put_escaped(struct buf *out, struct str s)
{
	for (uint32_t i = 0; i < s.len; i++)
		if (s.s[i] == '\\')
			buf_lit(out, "\\\\");
		else if (s.s[i] == '\n')
			buf_lit(out, "\\n");
		else
			buf_char(out, s.s[i]);
}

static void put_line(struct buf *out, const char *key, const char *value)
{
	buf_str(out, str_from(key));
	buf_char(out, ' ');
	put_escaped(out, str_from(value));
	buf_char(out, '\n');
}

static void put_head(struct session *s, struct buf *out)
{
	char cwd[PATH_MAX];
	if (!getcwd(cwd, sizeof cwd)) {
		diag_add(&s->diags, FINDING(E602), (struct span){0}, "the directory of now: %s",
			 strerror(errno));
		return;
	}
	buf_lit(out, FIRST_LINE "\n");
	put_line(out, "directory", cwd);
	vec_each (w, &s->opt->all)
		put_line(out, "argument", *w);
}

/* --- addresses that ports give themselves --- */

struct taken {
	struct session *s;
	struct buf *out;
	struct map seen;
	uint32_t n;
};

static void put_taken(struct taken *t, const struct value *v)
{
	bool added;
	struct str text = value_text(t->s->arena, v);
	map_put(t->s->arena, &t->seen, text, &added);
	if (!added)
		return;
	if (t->n % TAKEN_A_LINE == 0)
		buf_str(t->out, t->n ? STR("\ntaken") : STR("taken"));
	buf_char(t->out, ' ');
	buf_str(t->out, text);
	t->n++;
}

static void put_all_taken(struct session *s, const struct ports *ports, struct buf *out)
{
	static const struct {
		const char *name;
		enum value_type type;
	} given[] = {{"IP", VT_IP4}, {"IPV6", VT_IP6}};
	struct taken t = {.s = s, .out = out};
	vec_each (p, &ports->list)
		for (int i = 0; i < 2; i++) {
			const struct param *pm =
				params_find(&(*p)->filter.params, str_from(given[i].name));
			struct value v;
			for (uint32_t k = 0; pm && k < pm->values.n; k++)
				if (!value_parse(s->arena, given[i].type, 0, 0,
						 pm->values.items[k].text, &v))
					put_taken(&t, &v);
		}
	if (t.n)
		buf_char(out, '\n');
}

/* --- a port --- */

static void put_values(struct buf *out, const char *key, const struct learner *l,
		       enum learn_param which)
{
	buf_str(out, str_from(key));
	if (!l->values[which].list.n)
		buf_lit(out, " -");
	vec_each (v, &l->values[which].list) {
		buf_char(out, ' ');
		value_print(out, &v->value);
		if (which == LP_PREFIX) {
			buf_char(out, '/');
			buf_uint(out, v->prefix);
		}
	}
	buf_char(out, '\n');
}

static uint32_t number(const struct learner *l, enum learn_param which, uint32_t otherwise)
{
	return l->values[which].list.n ? l->values[which].list.items[0].value.u : otherwise;
}

static void put_word(struct buf *out, const char *key, struct str word)
{
	buf_str(out, str_from(key));
	buf_char(out, ' ');
	buf_str(out, word.len ? word : STR("-"));
	buf_char(out, '\n');
}

/* Bounds that the port does not give: one of ARP is as a rule the only one, DHCP can be asked
 * again. */
#define MAX_IPS_ANY  1
#define MAX_IPS_DHCP 16

static void put_learner(struct buf *out, const struct learner *l)
{
	const struct port *p = l->port;
	buf_char(out, '\n');
	put_word(out, "interface", p->name);
	buf_lit(out, "mac ");
	value_print(out, &p->mac);
	buf_char(out, '\n');
	put_word(out, "owner", p->owner_uuid);
	put_word(out, "link", p->link_device);
	put_word(out, "modes", l->dhcp ? STR("dhcp") : STR("any"));
	put_word(out, "families",
		 l->v4 && l->v6 ? STR("ipv4 ipv6")
		 : l->v6        ? STR("ipv6")
				: STR("ipv4"));
	put_values(out, "servers4", l, LP_SERVERS4);
	put_values(out, "servers6", l, LP_SERVERS6);
	put_values(out, "gateway", l, LP_GATEWAY);
	buf_lit(out, "bound-elsewhere -\n");
	buf_printf(out, "max-ips4 %u\n",
		   number(l, LP_MAX_IPS4, l->dhcp ? MAX_IPS_DHCP : MAX_IPS_ANY));
	buf_printf(out, "max-ips6 %u\n", number(l, LP_MAX_IPS6, MAX_IPS_DHCP));
	buf_printf(out, "allow-linklocal4 %s\n", number(l, LP_LINKLOCAL, 0) ? "yes" : "no");
	put_values(out, "learn-prefix", l, LP_PREFIX);
}

void learn_write(struct session *s, const struct ports *ports, const struct build *b,
		 struct buf *out)
{
	put_head(s, out);
	put_all_taken(s, ports, out);
	vec_each (l, &b->learners)
		put_learner(out, l);
}

/* --- reading the head --- */

static bool bad(struct session *s, struct span sp, const char *why)
{
	diag_add(&s->diags, FINDING(E211), sp, "%s", why);
	return false;
}

/* NULL: an escape that there is not. */
static const char *unescape(struct arena *a, struct str s)
{
	char *t = arena_copy(a, s.s, s.len), *to = t;
	for (uint32_t i = 0; i < s.len; i++) {
		bool escape = s.s[i] == '\\';
		if (escape && (++i == s.len || (s.s[i] != 'n' && s.s[i] != '\\')))
			return NULL;
		*to++ = escape && s.s[i] == 'n' ? '\n' : s.s[i];
	}
	*to = 0;
	return strlen(t) == (size_t)(to - t) ? t : NULL;
}

static bool read_line(struct session *s, struct str line, struct span sp, struct learn_head *out)
{
	static const char *const keys[] = {"directory ", "argument "};
	for (int i = 0; i < 2; i++) {
		uint32_t n = (uint32_t)strlen(keys[i]);
		if (line.len < n || memcmp(line.s, keys[i], n) != 0)
			continue;
		const char *value = unescape(s->arena, (struct str){line.s + n, line.len - n});
		if (!value)
			return bad(s, sp, "a backslash stands before n or another one");
		if (i)
			*vec_push(s->arena, &out->arguments) = value;
		else
			out->directory = value;
	}
	return true;
}

bool learn_read_head(struct session *s, uint32_t file, struct learn_head *out)
{
	struct str text = source_get(&s->sources, file)->text;
	const char *end = text.s + text.len, *newline;
	*out = (struct learn_head){0};
	if (text.len && end[-1] != '\n')
		return bad(s, (struct span){file, text.len - 1, text.len},
			   "the last line has no end: this is a part of a learn file");
	for (const char *p = text.s; p < end; p = newline + 1) {
		newline = memchr(p, '\n', (size_t)(end - p));
		struct str line = {p, (uint32_t)(newline - p)};
		uint32_t lo = (uint32_t)(p - text.s);
		struct span sp = {file, lo, lo + line.len};
		if (p == text.s && !str_is(line, FIRST_LINE))
			return bad(s, sp, "the first line is " FIRST_LINE);
		if (line.len >= 10 && memcmp(line.s, "interface ", 10) == 0)
			break;
		if (!read_line(s, line, sp, out))
			return false;
	}
	return out->directory || bad(s, (struct span){file, 0, 0}, "it names no directory");
}
