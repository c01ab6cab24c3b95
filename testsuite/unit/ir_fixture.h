/* SPDX-License-Identifier: MIT */
/*
 * ir_fixture.h - from texts to any pass, for the tests of ir/.
 *
 * A test reads filters and bindings as XML, since that is the shortest way to
 * write them down, runs the passes up to the one in question, and looks at the
 * values or at their dump.
 */
#ifndef NWFC_TESTSUITE_IR_FIXTURE_H
#define NWFC_TESTSUITE_IR_FIXTURE_H

#include "frontend_fixture.h"
#include "ir/dump.h"

#define FILTER(name, body) "<filter name='" name "'>" body "</filter>"
#define REF(name, params)  "<filterref filter='" name "'>" params "</filterref>"
#define PARAM(name, value) "<parameter name='" name "' value='" value "'/>"
#define BINDING(port, mac, filter, params)                                                         \
	"<filterbinding><owner><name>vm</name><uuid>d54df46f-1ab5-4a22-8618-4560ef5fac2c</uuid></" \
	"owner>"                                                                                   \
	"<portdev name='" port "'/><mac address='" mac                                             \
	"'/>" REF(filter, params) "</filterbinding>"
#define PORT(filter, params) BINDING("vnet0", "52:54:00:12:34:56", filter, params)

static struct fixture *fx;

static inline struct pass_ctx pass_ctx(void)
{
	return (struct pass_ctx){.arena = fx->arena, .diags = &fx->diags, .limits = default_limits};
}

static int setup(void **state)
{
	fx = fixture_new((size_t)512 << 20, false);
	return 0;
}

static int teardown(void **state)
{
	fixture_free(fx);
	return 0;
}

/* Read filters or a binding; no findings are expected. */
static inline void read_xml(const char *text)
{
	if (!fixture_read(fx, text, strlen(text)) || fx->diags.errors)
		print_findings(fx);
	assert_int_equal(fx->diags.errors, 0);
}

static inline uint32_t count_kind(const char *code)
{
	uint32_t n = 0;
	vec_each (f, &fx->diags.list)
		n += strcmp((*f)->kind->code, code) == 0;
	return n;
}

/* Exactly n findings, all of one kind. */
static inline void assert_findings(const char *code, uint32_t n)
{
	if (fx->diags.list.n != n || count_kind(code) != n)
		print_findings(fx);
	assert_int_equal(count_kind(code), n);
	assert_int_equal(fx->diags.list.n, n);
}

static inline const struct finding *finding_at(uint32_t i)
{
	assert_true(i < fx->diags.list.n);
	return fx->diags.list.items[i];
}

static inline bool build(struct build *b)
{
	struct pass_ctx cx = pass_ctx();
	*b = (struct build){0};
	return build_ports(&cx, &fx->library, &fx->ports, b);
}

static inline struct build build_good(void)
{
	struct build b;
	bool good = build(&b);
	if (!good)
		print_findings(fx);
	assert_true(good);
	return b;
}

/* The dump after a pass, as a string of the arena. */
static inline const char *dump_text(const char *pass)
{
	struct pass_ctx cx = pass_ctx();
	struct buf b;
	buf_memory(&b);
	dump_pass(&cx, pass, &fx->library, &fx->ports, &b);
	const char *s = arena_copy(fx->arena, b.data, b.n);
	buf_drop(&b);
	return s;
}

static inline void assert_text(const char *got, const char *want)
{
	if (strcmp(got, want) != 0)
		print_message("--- got\n%s--- wanted\n%s---\n", got, want);
	assert_int_equal(strcmp(got, want), 0);
}

#endif
