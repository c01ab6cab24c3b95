/* SPDX-License-Identifier: MIT */
/*
 * A suite for each port or filter, a case for each assertion.
 */
#include "nwfc/prove.h"
#include "nwfc/xml_text.h"

static void put_line(struct buf *out, const char *lead, struct str text)
{
	if (!text.len)
		return;
	buf_printf(out, "%s", lead);
	put_xml_text(out, text);
	buf_char(out, '\n');
}

static void put_failure(const struct prove *p, const struct proof *x, struct buf *out)
{
	buf_lit(out, "      <failure");
	put_xml_attribute(out, "type", str_from(outcome_names[x->outcome]));
	put_xml_attribute(out, "message", proof_packet(p, x));
	buf_char(out, '>');
	put_line(out, "", proof_place(p, x->assertion));
	vec_each (u, &x->unknowns.list)
		put_line(out, "depends on: ", *u);
	vec_each (l, &x->lacking.list)
		put_line(out, "without: ", proof_lacking(p, x, *l));
	put_line(out, "frames: ", proof_cause(p, x, LAYER_FRAME));
	put_line(out, "packets: ", proof_cause(p, x, LAYER_PACKET));
	vec_each (b, &x->region.boxes)
		put_line(out, "all: ", proof_box(p, b));
	if (x->region.more)
		put_line(out, "", STR("and more than can be listed"));
	buf_lit(out, "</failure>\n");
}

static void put_case(const struct prove *p, const struct proof *x, struct buf *out)
{
	struct location at = source_locate(&p->s->sources, x->assertion->span);
	buf_lit(out, "    <testcase");
	put_xml_attribute(out, "classname", subject_title(p, x->subject));
	put_xml_attribute(out, "name", assertion_name(p, x->assertion));
	put_xml_attribute(out, "file", at.file);
	buf_printf(out, " line=\"%u\"", at.line);
	if (x->outcome == PROVEN) {
		buf_lit(out, "/>\n");
		return;
	}
	buf_lit(out, ">\n");
	put_failure(p, x, out);
	buf_lit(out, "    </testcase>\n");
}

/* The list is by subject. */
static uint32_t put_suite(const struct prove *p, uint32_t from, struct buf *out)
{
	const struct subject *x = p->list.items[from]->subject;
	uint32_t to = from, failures = 0;
	for (; to < p->list.n && p->list.items[to]->subject == x; to++)
		failures += p->list.items[to]->outcome != PROVEN;
	buf_lit(out, "  <testsuite");
	put_xml_attribute(out, "name", subject_title(p, x));
	buf_printf(out, " tests=\"%u\" failures=\"%u\" errors=\"0\">\n", to - from, failures);
	for (uint32_t i = from; i < to; i++)
		put_case(p, p->list.items[i], out);
	buf_lit(out, "  </testsuite>\n");
	return to;
}

void prove_junit(const struct prove *p, struct buf *out)
{
	buf_lit(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
	buf_printf(out,
		   "<testsuites name=\"nwfc prove\" tests=\"%u\" failures=\"%u\" errors=\"0\">\n",
		   p->list.n, p->counts[BROKEN] + p->counts[DEPENDS]);
	for (uint32_t i = 0; i < p->list.n;)
		i = put_suite(p, i, out);
	buf_lit(out, "</testsuites>\n");
}
