/* SPDX-License-Identifier: MIT */
/*
 * One packet through a program. Held against the sets of the same program: each
 * rule takes the packet in both or in none, and both give one verdict, for
 * random filters and the stock ones.
 */
#include "review_fixture.h"

#include "frontend/stock.h"
#include "review/meaning.h"
#include "review/simulate.h"

static struct packet base_packet(enum side side)
{
	struct packet p = {.side = side};
	p.v[V_ETHER_TYPE] = 0x0800;
	p.v[V_ETHER_SADDR] = 0x525400123456;
	p.v[V_NET_PROTO] = 6;
	p.v[V_IP4_SADDR] = 0x0a000001;
	p.v[V_DPORT] = 22;
	return p;
}

static const struct port_data *port_of(struct build *b, const char *filter)
{
	read_xml(filter);
	read_xml(PORT("f", REVIEW_PARAMS));
	*b = build_good();
	return &b->ports.items[0];
}

/* --- by hand --------------------------------------------------------------------------- */

static void test_steps(void **state)
{
	struct build b;
	const struct port_data *pd = port_of(
		&b,
		"<filters>" FILTER(
			"g",
			"<rule action='return' direction='out'><ip "
			"srcipaddr='$IP[1]'/></rule>") "<filter name='h' chain='ipv4'>"
						       "<rule action='return' direction='out'><ip "
						       "dstipaddr='$IP'/></rule>"
						       "<rule action='continue' "
						       "direction='out'><ip "
						       "srcipaddr='$IP'/></rule></filter>"
						       "<filter name='f'><filterref "
						       "filter='h'/><filterref filter='g'/>"
						       "<rule action='reject' direction='out'><tcp "
						       "dstportstart='22'/></rule>"
						       "</filter></filters>");
	struct packet p = base_packet(SIDE_OUT);
	struct walk w = simulate(fx->arena, pd, &p);
	static const enum step_kind want[] = {STEP_LAYER, STEP_ENTER, STEP_MISS,
					      STEP_HIT,   STEP_LEAVE, STEP_MISS,
					      STEP_END,   STEP_LAYER, STEP_HIT};
	assert_int_equal(w.steps.n, sizeof want / sizeof *want);
	for (uint32_t i = 0; i < w.steps.n; i++)
		assert_int_equal(w.steps.items[i].kind, want[i]);
	assert_int_equal(w.verdict, VERDICT_REJECT);
	assert_int_equal(w.decider->verdict, ACTION_REJECT);
	assert_null(w.deciders[LAYER_FRAME]);
	assert_int_equal(w.steps.items[5].failed->field, F_NET_SADDR);
	p.v[V_IP4_SADDR] = 0x0a000009; /* $IP[1]: passes the frames, and is asked on */
	w = simulate(fx->arena, pd, &p);
	assert_int_equal(w.verdict, VERDICT_REJECT);
	assert_int_equal(w.deciders[LAYER_FRAME]->verdict, ACTION_RETURN);
	p.v[V_ETHER_TYPE] = 0x0806; /* no packet layer */
	packet_settle(&p);
	w = simulate(fx->arena, pd, &p);
	assert_int_equal(w.verdict, VERDICT_PASS);
	assert_null(w.decider);
}

static void test_unknowns(void **state)
{
	struct build b;
	const struct port_data *pd = port_of(
		&b, FILTER("f", "<rule action='drop' direction='out'><tcp dstportstart='22' "
				"ipset='bad' ipsetflags='src' state='NONE'/></rule>"));
	struct packet p = base_packet(SIDE_OUT);
	struct walk w = simulate(fx->arena, pd, &p);
	assert_int_equal(w.verdict, VERDICT_PASS);
	assert_true(w.uncertain);
	*vec_push(fx->arena, &p.unknowns) = STR("in ipset bad by src");
	w = simulate(fx->arena, pd, &p);
	assert_int_equal(w.verdict, VERDICT_DROP);
	p.v[V_DPORT] = 23; /* it is not asked */
	assert_false(simulate(fx->arena, pd, &p).uncertain);
}

/* --- against the sets ------------------------------------------------------------------- */

static void say(const struct packet *p, const struct prule *r)
{
	print_message("side %s", side_names[p->side]);
	for (int v = 0; v < VARS; v++)
		if (p->v[v])
			print_message(", %s 0x%llx%016llx", vars[v].words,
				      (unsigned long long)(p->v[v] >> 64),
				      (unsigned long long)p->v[v]);
	print_message("\n");
	if (r)
		print_message("rule %u of %.*s\n", r->source->number,
			      STR_ARG(r->source->filter->name));
}

static bool same_rules(struct space *sp, const struct side_meaning *m, const struct port_data *pd,
		       const struct packet *p)
{
	vec_each (rm, &m->rules) {
		if (rm->layer == LAYER_PACKET && !packet_meets(p, C_IP))
			continue;
		if (space_contains(sp, rm->takes, p) != rule_holds(rm->rule, pd, p, NULL)) {
			say(p, rm->rule);
			return false;
		}
	}
	return true;
}

/* The engine must be closed whatever comes out, so failure is a result. */
static bool same_verdict(struct space *sp, const struct meaning *me, const struct packet *p)
{
	const struct side_meaning *m = &me->sides[p->side];
	struct walk w = simulate(NULL, me->port, p);
	bool in[] = {space_contains(sp, m->passed, p), space_contains(sp, m->dropped, p),
		     space_contains(sp, m->rejected, p)};
	bool good = same_rules(sp, m, me->port, p) && space_contains(sp, sp->valid, p);
	for (int v = 0; v < 3; v++)
		good &= in[v] == (v == (int)w.verdict);
	if (!good)
		say(p, w.decider);
	return good;
}

static const struct prule *some_rule(struct dice *d, const struct side_meaning *m)
{
	return m->rules.n ? m->rules.items[roll(d, m->rules.n)].rule : NULL;
}

static void add_answers(struct dice *d, const struct space *sp, struct packet *p)
{
	vec_each (u, &sp->unknowns)
		if (chance(d, 50))
			*vec_push(fx->arena, &p->unknowns) = u->text;
}

static void hold_against_sets(struct dice *d, const struct port_data *pd, int packets)
{
	struct space *sp = space_open(fx->arena);
	struct meaning *me = meaning_of(sp, pd);
	bool good = !sets_failed(sp->sets);
	for (int i = 0; i < packets && good; i++) {
		struct packet p = random_packet(d);
		const struct prule *r = some_rule(d, &me->sides[p.side]);
		if (r && chance(d, 70))
			lean(d, r, pd, &p);
		add_answers(d, sp, &p);
		good = same_verdict(sp, me, &p);
	}
	space_close(sp);
	assert_true(good);
}

static const char none_text[] =
	"filter l {\n\tchain arp\nframes:\n"
	"\tdrop out ether saddr != { 52:54:00:12:34:56, 52:54:00:00:00:02 }\n"
	"\treturn out arp saddr ip != { 10.0.0.9, 10.0.1.0/24 }\n}\n"
	"filter f {\n\tuse l\nframes:\n"
	"\tdrop out ip saddr != $IP\n"
	"\tdrop in ip udp sport != { 22, 67-68 }\n"
	"packets:\n"
	"\tdrop out tcp dport != { 22, 128-300 } ip daddr != $IP stateless\n"
	"\taccept in ip saddr $IP tcp dport { 1, 2 } ct count <= $N\n"
	"\tdrop inout udp dport != { 67, 68 } priority 700\n"
	"}\n";

static void test_none(void **state)
{
	static const struct {
		uint32_t saddr;
		enum verdict verdict;
	} cases[] = {
		{0x0a000001, VERDICT_PASS}, {0x0a000009, VERDICT_PASS}, {0x0a000002, VERDICT_DROP}};
	struct dice d = {3};
	read_nwf(none_text);
	read_xml(PORT("f", REVIEW_PARAMS));
	struct build b = build_good();
	struct packet p = base_packet(SIDE_OUT);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		p.v[V_IP4_SADDR] = cases[i].saddr;
		assert_int_equal(simulate(NULL, &b.ports.items[0], &p).verdict, cases[i].verdict);
	}
	hold_against_sets(&d, &b.ports.items[0], 3000);
}

static void test_random_filters(void **state)
{
	struct dice d = {20240611};
	int built = 0;
	for (int i = 0; i < 700; i++) {
		struct build b;
		void *none = NULL;
		if (random_build(&d, 1 + roll(&d, 10), &b)) {
			hold_against_sets(&d, &b.ports.items[0], 60);
			built++;
		}
		teardown(&none);
		setup(&none);
	}
	assert_true(built > 350);
}

static void test_stock_filters(void **state)
{
	static const char *const names[] = {
		"clean-traffic",  "clean-traffic-dual", "clean-traffic-gateway",
		"learn-any-dual", "learn-dhcp-server",  "no-nd-spoofing",
		"no-ra"};
	struct dice d = {7};
	parse_stock(&fx->cx, fx->in);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct buf t;
		buf_memory(&t);
		buf_printf(&t,
			   BINDING("vnet%zu", "52:54:00:12:34:56", "%s",
				   REVIEW_PARAMS PARAM("DHCPSERVER", "10.0.0.9")
					   PARAM("GATEWAY_MAC", "52:54:00:00:00:02")),
			   i, names[i]);
		read_xml(buf_take(fx->arena, &t).s);
	}
	struct build b = build_good();
	vec_each (pd, &b.ports)
		hold_against_sets(&d, pd, 1500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_steps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknowns, setup, teardown),
		cmocka_unit_test_setup_teardown(test_none, setup, teardown),
		cmocka_unit_test_setup_teardown(test_random_filters, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stock_filters, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
