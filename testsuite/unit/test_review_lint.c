/* SPDX-License-Identifier: MIT */
/*
 * Lints. What is said of rules is held against the program without them: of random
 * filters, a rule that never matches and an accept that changes nothing can be taken away
 * without any packet treated differently, and every other rule has a packet that it takes.
 * What the guest can send as another is sent through the simulator. Each lint by hand,
 * with the nearest filter of which it has to be silent.
 */
#include "review_fixture.h"

#include "ir/findings.h"
#include "review/diff.h"
#include "review/lint.h"
#include "review/packet_words.h"

static void run_lints(const struct build *b)
{
	struct pass_ctx cx = pass_ctx();
	fx->diags.list.n = 0;
	lint(&cx, &fx->library, &fx->ports, b);
}

/* Is this said at a place? */
static bool said(const char *code, struct span at)
{
	vec_each (f, &fx->diags.list)
		if (strcmp((*f)->kind->code, code) == 0 && memcmp(&(*f)->span, &at, sizeof at) == 0)
			return true;
	return false;
}

/* --- without a rule ---------------------------------------------------------------------- */

static struct part part_without(const struct part *p, const struct rule *gone)
{
	struct part out = {0};
	vec_each (c, &p->chains) {
		struct pchain *copy = vec_push(fx->arena, &out.chains);
		*copy = *c;
		copy->items.items = NULL;
		copy->items.n = copy->items.cap = 0;
		vec_each (it, &c->items)
			if (it->kind != ITEM_RULE || it->rule->source != gone)
				*vec_push(fx->arena, &copy->items) = *it;
	}
	vec_each (r, &p->packet)
		if ((*r)->source != gone)
			*vec_push(fx->arena, &out.packet) = *r;
	return out;
}

static struct port_data *port_without(const struct port_data *pd, const struct rule *gone)
{
	struct program *p = arena_new_object(fx->arena, struct program);
	struct port_data *out = arena_new_object(fx->arena, struct port_data);
	*p = *pd->program;
	for (int side = 0; side < SIDES; side++)
		p->parts[side] = part_without(&pd->program->parts[side], gone);
	*out = *pd;
	out->program = p;
	return out;
}

static bool treats_differently(struct space *sp, const struct port_data *pd,
			       const struct rule *gone)
{
	struct changes c = {0};
	diff_ports(sp, pd, port_without(pd, gone), &c);
	assert_false(sets_failed(sp->sets));
	return c.list.n > 0;
}

/* Does the packet come to the rule, and do its tests hold? */
static bool is_taken(const struct port_data *pd, const struct packet *p, const struct prule *r)
{
	struct walk w = simulate(fx->arena, pd, p);
	vec_each (s, &w.steps)
		if (s->rule == r && s->kind == STEP_HIT)
			return true;
	return false;
}

/* A packet for one of the forms of a rule, shown by the simulator. */
static bool has_witness(struct space *sp, const struct port_data *pd, const struct meaning *m,
			const struct rule *r)
{
	for (int side = 0; side < SIDES; side++)
		vec_each (rm, &m->sides[side].rules) {
			enum layer first = side == SIDE_OUT ? LAYER_FRAME : LAYER_PACKET;
			struct packet usual = usual_packet(pd, (enum side)side), p;
			if (rm->rule->source != r || rm->decides == PSET_NONE)
				continue;
			pset of = rm->layer == first ? rm->decides
						     : pset_and(sp->sets, rm->decides,
								m->sides[side].layer_passed[first]);
			if (of == PSET_NONE || space_uncertain(sp, of))
				return true; /* the other layer drops them before, or nobody knows
					      */
			p = space_witness(sp, of, &usual);
			return is_taken(pd, &p, rm->rule);
		}
	return false;
}

static bool takes_nothing(const struct meaning *m, const struct rule *r)
{
	for (int side = 0; side < SIDES; side++)
		vec_each (rm, &m->sides[side].rules)
			if (rm->rule->source == r && rm->takes != PSET_NONE)
				return false;
	return true;
}

static uint32_t dead, idle;

static void hold_rule(struct space *sp, const struct port_data *pd, const struct meaning *m,
		      const struct rule *r)
{
	bool never = said("W701", r->span) || said("W718", r->span) ||
		     said("W703", r->filter->chain_span);
	dead += never;
	idle += said("N702", r->span);
	if (never || said("N702", r->span))
		assert_false(treats_differently(sp, pd, r));
	else if (r->action != ACTION_CONTINUE && !takes_nothing(m, r))
		assert_true(has_witness(sp, pd, m, r));
}

/* Nothing changes either when all of them go at once. */
static void hold_together(struct space *sp, const struct port_data *pd)
{
	const struct port_data *rest = pd;
	struct changes c = {0};
	map_each (e, &fx->library.by_name) {
		const struct filter *f = e->cptr;
		vec_each (en, &f->entries)
			if (en->kind == ENTRY_RULE && !str_is(f->name, "top") &&
			    (said("W701", en->rule->span) || said("N702", en->rule->span)))
				rest = port_without(rest, en->rule);
	}
	diff_ports(sp, pd, rest, &c);
	assert_int_equal(c.list.n, 0);
}

static void hold_port(const struct port_data *pd)
{
	struct space *sp = space_open(fx->arena);
	const struct meaning *m = meaning_of(sp, pd);
	hold_together(sp, pd);
	map_each (e, &fx->library.by_name) {
		const struct filter *f = e->cptr;
		vec_each (en, &f->entries)
			if (en->kind == ENTRY_RULE && !str_is(f->name, "top"))
				hold_rule(sp, pd, m, en->rule);
	}
	space_close(sp);
}

/* Filters that could not be read leave nothing in the program. */
static void test_random_filters(void **state)
{
	struct dice d = {0x11a7};
	uint32_t built = 0;
	for (int i = 0; i < 150; i++) {
		struct build b;
		teardown(NULL);
		setup(NULL);
		if (!random_build(&d, 2 + roll(&d, 14), &b))
			continue;
		built++;
		run_lints(&b);
		hold_port(&b.ports.items[0]);
	}
	if (dead < 100 || idle < 20)
		print_message("%u built, %u dead rules, %u idle ones\n", built, dead, idle);
	assert_true(built > 75 && dead >= 100 && idle >= 20);
}

/* --- the guest as another ------------------------------------------------------------------- */

/* The packet at the end of a finding's text passes. */
static void assert_passes(const struct finding *f, const struct port_data *pd)
{
	struct packet usual[SIDES], p;
	struct words_error e;
	for (int side = 0; side < SIDES; side++)
		usual[side] = usual_packet(pd, (enum side)side);
	uint32_t i = f->text.len;
	while (i > 2 && memcmp(f->text.s + i - 2, ": ", 2) != 0)
		i--;
	struct str words = {f->text.s + i, f->text.len - i};
	assert_true(packet_read_words(fx->arena, words, usual, &p, &e));
	assert_int_equal(simulate(fx->arena, pd, &p).verdict, VERDICT_PASS);
}

static struct build lint_of(const char *filters, const char *port)
{
	teardown(NULL);
	setup(NULL);
	read_xml(filters);
	read_xml(port);
	struct build b = build_good();
	run_lints(&b);
	return b;
}

static const struct finding *find(const char *code)
{
	vec_each (f, &fx->diags.list)
		if (strcmp((*f)->kind->code, code) == 0)
			return *f;
	return NULL;
}

#define RULE(action, dir, prio, element)                                                           \
	"<rule action='" action "' direction='" dir "' priority='" prio "'>" element "</rule>"
#define GUEST PORT("f", PARAM("IP", "10.0.0.1"))

static void test_spoof(void **state)
{
	struct build b =
		lint_of(FILTER("f", RULE("accept", "out", "1", "<mac srcmacaddr='$MAC'/>")
					    RULE("return", "out", "2", "<ip srcipaddr='$IP'/>")
						    RULE("drop", "out", "3", "<ip/>")),
			GUEST);
	assert_non_null(find("W711"));
	assert_passes(find("W711"), &b.ports.items[0]);
	vec_each (f, &fx->diags.list)
		if (strcmp((*f)->kind->code, "W711") == 0)
			assert_passes(*f, &b.ports.items[0]);
	b = lint_of(FILTER("f", RULE("drop", "out", "1", "<mac match='no' srcmacaddr='$MAC'/>")
					RULE("return", "out", "2", "<ip srcipaddr='$IP'/>")
						RULE("drop", "out", "3", "<mac/>")),
		    GUEST);
	assert_null(find("W711"));
	assert_null(find("N712"));
	assert_null(find("W713"));
}

/* What an ipset holds nobody knows here. */
static void test_spoof_uncertain(void **state)
{
	lint_of(FILTER("f", RULE("drop", "out", "1", "<mac match='no' srcmacaddr='$MAC'/>")
				    RULE("drop", "out", "2", "<mac match='no' protocolid='ipv4'/>")
					    RULE("accept", "out", "3", "<all srcipaddr='$IP'/>")
						    RULE("accept", "out", "4",
							 "<all ipset='s' ipsetflags='src'/>")
							    RULE("drop", "out", "5", "<all/>")),
		GUEST);
	assert_non_null(find("W711"));
	assert_non_null(strstr(find("W711")->text.s, "may be able to"));
}

/* --- each by hand, and its silence -------------------------------------------------------------
 */

static const struct {
	const char *code, *with, *without;
} cases[] = {
	{"W701",
	 RULE("accept", "out", "1", "<ip/>") RULE("drop", "out", "2", "<ip dstipaddr='10.0.0.9'/>"),
	 RULE("drop", "out", "1", "<ip dstipaddr='10.0.0.9'/>")
		 RULE("accept", "out", "2", "<ip/>")},
	/* two halves */
	{"W701",
	 RULE("drop", "out", "1", "<tcp dstportstart='0' dstportend='99'/>")
		 RULE("drop", "out", "2", "<tcp dstportstart='100' dstportend='65535'/>")
			 RULE("accept", "out", "3", "<tcp dstportstart='50' dstportend='150'/>"),
	 RULE("drop", "out", "1", "<tcp dstportstart='0' dstportend='99'/>")
		 RULE("drop", "out", "2", "<tcp dstportstart='101' dstportend='65535'/>")
			 RULE("accept", "out", "3", "<tcp dstportstart='50' dstportend='150'/>")},
	/* a rule of one side only is not dead on the other */
	{"W701", RULE("drop", "inout", "1", "<ip/>") RULE("drop", "inout", "2", "<ip dscp='1'/>"),
	 RULE("drop", "in", "1", "<ip/>") RULE("drop", "inout", "2", "<ip dscp='1'/>")},
	{"N702", RULE("drop", "out", "1", "<arp/>") RULE("accept", "out", "2", "<ip/>"),
	 RULE("accept", "out", "1", "<ip/>") RULE("drop", "out", "2", "<mac/>")},
	/* who deletes both of two equal accepts gives their packets to the drop */
	{"N702",
	 RULE("drop", "out", "1", "<udp/>") RULE("accept", "out", "2", "<tcp dstportstart='53'/>")
		 RULE("accept", "out", "3", "<tcp dstportstart='53'/>"),
	 RULE("accept", "out", "2", "<tcp dstportstart='53'/>")
		 RULE("accept", "out", "3", "<tcp dstportstart='53'/>")
			 RULE("drop", "out", "4", "<tcp/>")},
	/* or of two of which each is covered by the other one and a third */
	{"N702",
	 RULE("accept", "out", "2", "<tcp dstportstart='53'/>") RULE("accept", "out", "3", "<tcp/>")
		 RULE("drop", "out", "4", "<tcp/>"),
	 RULE("accept", "out", "2", "<tcp dstportstart='53'/>")
		 RULE("drop", "out", "3", "<tcp dstportstart='54'/>")
			 RULE("accept", "out", "4", "<tcp dstportstart='53'/>")
				 RULE("drop", "out", "5", "<tcp dstportstart='53'/>")},
	/* what the other layer drops is said so, once */
	{"N702", RULE("drop", "out", "1", "<arp/>") RULE("accept", "out", "2", "<ip/>"),
	 RULE("accept", "out", "1", "<tcp/>") RULE("drop", "out", "2", "<mac/>")
		 RULE("drop", "out", "3", "<all/>")},
	{"W704", RULE("accept", "out", "1", "<tcp/>"),
	 RULE("accept", "out", "1", "<tcp/>") RULE("drop", "out", "2", "<all/>")},
	{"W705",
	 RULE("accept", "out", "1", "<ip/>") RULE("drop", "out", "2", "<mac/>")
		 RULE("drop", "out", "2", "<all/>"),
	 RULE("accept", "out", "1", "<ip/>") RULE("drop", "out", "2", "<mac/>")
		 RULE("accept", "out", "1", "<tcp/>") RULE("drop", "out", "2", "<all/>")},
	{"W707", RULE("drop", "out", "1", "<all/>"),
	 RULE("drop", "out", "1", "<all/>") RULE("drop", "out", "1", "<all-ipv6/>")
		 RULE("accept", "inout", "1", "<arp/>")},
	{"W708", RULE("drop", "in", "1", "<all/>"), RULE("drop", "in", "1", "<all state='NEW'/>")},
	{"W709",
	 RULE("accept", "in", "1", "<tcp dstportstart='22' state='NEW,ESTABLISHED'/>")
		 RULE("drop", "inout", "2", "<all/>"),
	 RULE("accept", "in", "1", "<tcp dstportstart='22'/>")
		 RULE("drop", "inout", "2", "<all/>")},
	{"W709",
	 RULE("accept", "out", "1", "<all srcmacaddr='$MAC'/>")
		 RULE("drop", "inout", "2", "<all/>"),
	 RULE("accept", "out", "1", "<all/>") RULE("drop", "inout", "2", "<all/>")},
	{"N710", RULE("accept", "out", "1", "<tcp/>") RULE("drop", "inout", "2", "<all/>"),
	 RULE("accept", "out", "1", "<tcp/>") RULE("accept", "in", "1", "<icmp state='RELATED'/>")
		 RULE("drop", "inout", "2", "<all/>")},
	{"N712", RULE("accept", "inout", "1", "<arp/>"), RULE("drop", "out", "1", "<mac/>")},
	{"N714", RULE("accept", "out", "1", "<tcp/>") RULE("drop", "out", "1", "<all/>"),
	 RULE("accept", "out", "1", "<tcp/>") RULE("drop", "out", "2", "<all/>")},
	{"N716", RULE("drop", "out", "1", "<ip match='no' srcipaddr='$IP'/>"),
	 RULE("drop", "out", "1", "<mac match='no' srcmacaddr='$MAC'/>")},
	{"W717", RULE("drop", "out", "1", "<ip dstipaddr='10.0.0.1' dstipmask='24'/>"),
	 RULE("drop", "out", "1", "<ip dstipaddr='10.0.0.0' dstipmask='24'/>")},
	{"W720", RULE("accept", "inout", "1", "<arp arpsrcipaddr='$IP'/>"),
	 RULE("accept", "out", "1", "<arp arpsrcipaddr='$IP'/>")},
};

static void test_cases(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (int with = 0; with < 2; with++) {
			const char *rules = with ? cases[i].with : cases[i].without;
			struct str text = str_printf(fx->arena, FILTER("f", "%s"), rules);
			char *copy = strdup(text.s);
			lint_of(copy, GUEST);
			if ((find(cases[i].code) != NULL) != with) {
				print_message("%s: %s\n", cases[i].code, copy);
				print_findings(fx);
			}
			assert_int_equal(find(cases[i].code) != NULL, with);
			free(copy);
		}
}

/* --- what is said of several ports, and of none ------------------------------------------------
 */

/* Dead in one port and alive in another: nobody's mistake. */
static void test_every_port(void **state)
{
	const char *filters = "<filters>" FILTER(
		"base", RULE("drop", "out", "5", "<ip dstipaddr='10.0.0.9'/>"))
		FILTER("f", REF("base", "") RULE("accept", "out", "1", "<ip/>")) "</filters>";
	lint_of(filters, PORT("f", ""));
	assert_non_null(find("W701"));
	teardown(NULL);
	setup(NULL);
	read_xml(filters);
	read_xml(FILTER("g", REF("base", "")));
	read_xml(PORT("f", ""));
	read_xml(BINDING("vnet1", "52:54:00:12:34:57", "g", ""));
	struct build b = build_good();
	run_lints(&b);
	assert_null(find("W701"));
}

/* A filter that no port uses is looked at all the same; what stands in is said. */
static void test_standin(void **state)
{
	teardown(NULL);
	setup(NULL);
	read_xml(FILTER("f", RULE("accept", "out", "1", "<ip srcipaddr='$A'/>")
				     RULE("drop", "out", "2", "<ip srcipaddr='$A'/>")));
	struct build b = {0};
	run_lints(&b);
	assert_non_null(find("W701"));
	assert_true(find("W701")->hint.len > 0);
}

/* The fewest rules that cover: the one, not those that take parts of it before. */
static void test_smallest_cover(void **state)
{
	lint_of(FILTER("f",
		       RULE("drop", "out", "1", "<ip dstipaddr='10.0.0.0' dstipmask='9'/>") RULE(
			       "drop", "out", "2", "<ip dstipaddr='10.128.0.0' dstipmask='9'/>")
			       RULE("accept", "out", "3", "<ip/>")
				       RULE("drop", "out", "4",
					    "<ip dstipaddr='10.0.0.0' dstipmask='8'/>")),
		GUEST);
	const struct finding *f = find("W701");
	assert_non_null(f);
	assert_int_equal(f->notes.n, 1);
	assert_non_null(strstr(f->notes.items[0].text.s, "accept ip"));
	assert_non_null(strstr(f->text.s, "with another action (accept)"));
}

/* A return before a drop in another chain lets what it takes come: that drop does not cover it. */
static void test_cover_behind_return(void **state)
{
	lint_of("<filters><filter name='m' chain='mac'>" RULE("return", "out", "1",
							      "<mac srcmacaddr='$MAC'/>")
			RULE("drop", "out", "2", "") "</filter>" FILTER(
				"f", REF("m", "") RULE("accept", "out", "1", "<ip/>") RULE(
					     "drop", "out", "2", "<ip dscp='1'/>")) "</filters>",
		GUEST);
	const struct finding *f = find("W701");
	assert_non_null(f);
	assert_int_equal(f->notes.n, 1);
	assert_non_null(strstr(f->notes.items[0].text.s, "accept ip"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_random_filters, setup, teardown),
		cmocka_unit_test_setup_teardown(test_spoof, setup, teardown),
		cmocka_unit_test_setup_teardown(test_spoof_uncertain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cases, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_port, setup, teardown),
		cmocka_unit_test_setup_teardown(test_standin, setup, teardown),
		cmocka_unit_test_setup_teardown(test_smallest_cover, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cover_behind_return, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
