/* SPDX-License-Identifier: MIT */
#include "review/track.h"

/* States of TCP, nf_conntrack_proto_tcp.c: SYN sent and received, established, FIN wait, close
 * wait, last ACK, time wait, closed. NO: there is none; INV: the packet is invalid; SAME: as
 * before. */
enum tcp_state { NO, SS, SR, ES, FW, CW, LA, TW, CL, TCP_STATES, INV, SAME };

struct connection {
	bool replied; /* an answer was seen */
	uint8_t tcp;  /* enum tcp_state */
};

struct fragment_of {
	uint8_t state;
	bool reply;
};

/* What a connection is known by; compared as bytes, so without padding. */
struct tuple {
	uint8_t source[16], target[16];
	uint16_t sport, dport; /* of ICMP: identifier and type */
	uint8_t family, protocol;
	uint16_t zero;
};

static void put_address(uint8_t out[16], u128 value)
{
	for (int i = 0; i < 16; i++)
		out[i] = (uint8_t)(value >> 8 * (15 - i));
}

static struct str key_of(struct arena *a, const struct tuple *t)
{
	return (struct str){arena_copy(a, t, sizeof *t), sizeof *t};
}

/* --- ICMP ---------------------------------------------------------------------------- */

/* Queries and their answers: RFC 792, RFC 950, RFC 4443, RFC 4620. */
static const struct {
	uint8_t protocol, query, reply;
} queries[] = {{1, 8, 0}, {1, 13, 14}, {1, 15, 16}, {1, 17, 18}, {58, 128, 129}, {58, 139, 140}};

static bool icmp_is(uint32_t protocol, uint32_t type, bool reply, uint8_t *query)
{
	for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
		if (queries[i].protocol == protocol &&
		    (reply ? queries[i].reply : queries[i].query) == type) {
			*query = queries[i].query;
			return true;
		}
	return false;
}

static bool icmp_error(uint32_t protocol, uint32_t type)
{
	return protocol == 1 ? type == 3 || type == 4 || type == 5 || type == 11 || type == 12
			     : type >= 1 && type <= 4;
}

/* nf_conntrack_proto_icmpv6.c: neighbour and listener discovery. */
static bool icmp_untracked(const struct packet *p)
{
	u128 type = p->v[V_ICMP_TYPE];
	return p->v[V_NET_PROTO] == 58 && ((type >= 130 && type <= 136) || type == 143);
}

/* --- tuples -------------------------------------------------------------------------- */

static uint16_t half(const struct frame *f, uint32_t at)
{
	const uint8_t *p = (const uint8_t *)f->packet.bytes.s;
	return at + 2 <= f->end ? (uint16_t)(p[at] << 8 | p[at + 1]) : 0;
}

/* *backwards: an answer's tuple, turned to that of the query. */
static struct tuple tuple_of(const struct frame *f, bool *backwards)
{
	const struct packet *p = &f->packet;
	bool six = packet_meets(p, C_IP6);
	struct tuple t = {.family = six ? 6 : 4, .protocol = (uint8_t)p->v[V_NET_PROTO]};
	uint8_t query;
	*backwards = false;
	put_address(t.source, p->v[six ? V_IP6_SADDR : V_IP4_SADDR]);
	put_address(t.target, p->v[six ? V_IP6_DADDR : V_IP4_DADDR]);
	t.sport = (uint16_t)p->v[V_SPORT];
	t.dport = (uint16_t)p->v[V_DPORT];
	if (!packet_meets(p, C_ICMP))
		return t;
	*backwards = icmp_is(t.protocol, (uint32_t)p->v[V_ICMP_TYPE], true, &query);
	if (!*backwards && !icmp_is(t.protocol, (uint32_t)p->v[V_ICMP_TYPE], false, &query))
		return t;
	t.sport = half(f, f->transport + 4);
	t.dport = query;
	return t;
}

static struct tuple turned(const struct tuple *t)
{
	struct tuple r = *t;
	memcpy(r.source, t->target, sizeof r.source);
	memcpy(r.target, t->source, sizeof r.target);
	bool icmp = t->protocol == 1 || t->protocol == 58;
	r.sport = icmp ? t->sport : t->dport;
	r.dport = icmp ? t->dport : t->sport;
	return r;
}

static struct connection *find(const struct track *t, const struct tuple *tuple)
{
	struct map_entry *e =
		map_find(&t->connections, (struct str){(const char *)tuple, sizeof *tuple});
	return e ? e->ptr : NULL;
}

/* --- states -------------------------------------------------------------------------------------
 */

enum tcp_kind { SYN, SYNACK, FIN, ACK, RST, TCP_KINDS };

/* tcp_conntracks, without what depends on sequence numbers. */
static const uint8_t tcp_next[2][TCP_KINDS][TCP_STATES] = {
	{
		/*        NO   SS   SR    ES    FW    CW    LA    TW   CL */
		[SYN] = {SS, SS, SAME, SAME, SAME, SAME, SAME, SS, SS},
		[SYNACK] = {INV, INV, SR, INV, INV, INV, INV, INV, INV},
		[FIN] = {INV, INV, FW, FW, LA, LA, LA, TW, CL},
		[ACK] = {ES, INV, ES, ES, CW, CW, TW, TW, CL},
		[RST] = {INV, CL, CL, CL, CL, CL, CL, CL, CL},
	},
	{
		[SYN] = {INV, INV, INV, INV, INV, INV, INV, SS, INV},
		[SYNACK] = {INV, SR, SAME, SAME, SAME, SAME, SAME, SAME, SAME},
		[FIN] = {INV, INV, FW, FW, LA, LA, LA, TW, CL},
		[ACK] = {INV, SAME, SR, ES, CW, CW, TW, TW, CL},
		[RST] = {INV, CL, CL, CL, CL, CL, CL, CL, CL},
	},
};

/* tcp_valid_flags: the others are invalid, whatever the state. */
static bool tcp_flags_valid(uint32_t flags)
{
	static const uint8_t valid[] = {
		TCP_SYN,           TCP_SYN | TCP_URG, TCP_SYN | TCP_ACK,           TCP_RST,
		TCP_RST | TCP_ACK, TCP_FIN | TCP_ACK, TCP_FIN | TCP_ACK | TCP_URG, TCP_ACK,
		TCP_ACK | TCP_URG};
	for (size_t i = 0; i < sizeof valid; i++)
		if ((flags & TCP_ALL & ~(uint32_t)TCP_PSH) == valid[i])
			return true;
	return false;
}

static enum tcp_kind tcp_kind_of(uint32_t flags)
{
	if (flags & TCP_RST)
		return RST;
	if (flags & TCP_SYN)
		return flags & TCP_ACK ? SYNACK : SYN;
	return flags & TCP_FIN ? FIN : ACK;
}

/* The state behind a packet of TCP; INV: it is invalid. */
static uint8_t tcp_step(const struct packet *p, uint8_t state, bool reply)
{
	uint32_t flags = (uint32_t)p->v[V_TCP_FLAGS];
	if (!packet_meets(p, C_TCP))
		return state;
	if (!tcp_flags_valid(flags))
		return INV;
	uint8_t next = tcp_next[reply][tcp_kind_of(flags)][state];
	return next == SAME ? state : next;
}

/* May a packet of this kind begin a connection? */
static bool may_begin(const struct packet *p)
{
	uint8_t query;
	if (packet_meets(p, C_TCP))
		return tcp_step(p, NO, false) != INV;
	if (packet_meets(p, C_ICMP))
		return icmp_is((uint32_t)p->v[V_NET_PROTO], (uint32_t)p->v[V_ICMP_TYPE], false,
			       &query);
	return true;
}

/* The packet that an ICMP error quotes, as a frame of its own. */
static bool quoted(const struct frame *f, struct arena *a, struct frame *out)
{
	const char *bytes = f->packet.bytes.s;
	uint32_t from = f->transport + 8;
	if (from >= f->end)
		return false;
	uint32_t n = f->end - from;
	char *copy = arena_alloc(a, 14 + (size_t)n);
	memcpy(copy, bytes, 14);
	memcpy(copy + 14, bytes + from, n);
	/* of what is quoted the end is missing, and that is no fault */
	return frame_read((struct str){copy, 14 + n}, SIDE_OUT, out) &&
	       packet_meets(&out->packet, C_IP);
}

static void relate(struct track *t, const struct frame *f, struct tracked *k)
{
	struct frame inner;
	bool backwards;
	k->state = CTC_INVALID;
	if (!quoted(f, t->arena, &inner))
		return;
	struct tuple tuple = tuple_of(&inner, &backwards), back = turned(&tuple);
	bool original = find(t, backwards ? &back : &tuple) != NULL;
	if (!original && !find(t, backwards ? &tuple : &back))
		return;
	k->state = CTC_RELATED;
	k->reply = original != backwards; /* an error comes from where the packet went */
}

/* A packet of a connection that is there. */
static void go_on(const struct packet *p, struct connection *c, bool reply, struct tracked *k)
{
	uint8_t next = tcp_step(p, c->tcp, reply);
	if (next == INV)
		return;
	c->tcp = next;
	c->replied |= reply;
	k->reply = reply;
	k->state = c->replied ? CTC_ESTABLISHED : CTC_NEW;
}

static void follow(struct track *t, const struct frame *f, struct tracked *k)
{
	bool backwards;
	struct tuple tuple = tuple_of(f, &backwards), back = turned(&tuple);
	bool query = packet_meets(&f->packet, C_ICMP) && !backwards; /* the other end has its own */
	struct connection *c = backwards ? NULL : find(t, &tuple);
	struct connection *r = query ? NULL : find(t, &back);
	if (c) {
		go_on(&f->packet, c, false, k);
	} else if (r) {
		go_on(&f->packet, r, true, k);
	} else if (may_begin(&f->packet)) {
		k->state = CTC_NEW;
		k->key = key_of(t->arena, &tuple);
		k->tcp = tcp_step(&f->packet, NO, false);
	}
}

/* --- fragments -----------------------------------------------------------------------------------
 */

/* Fragments of one packet have its addresses, protocol and identification. */
static struct str fragment_key(struct arena *a, const struct frame *f)
{
	const struct packet *p = &f->packet;
	bool six = packet_meets(p, C_IP6);
	struct tuple t = {.family = six ? 6 : 4};
	put_address(t.source, p->v[six ? V_IP6_SADDR : V_IP4_SADDR]);
	put_address(t.target, p->v[six ? V_IP6_DADDR : V_IP4_DADDR]);
	if (!six)
		t.protocol = (uint8_t)p->v[V_NET_PROTO];
	/* IPv6's stands in a header that was walked past: addresses must do */
	t.sport = six ? 0 : half(f, f->network + 4);
	return key_of(a, &t);
}

static bool later_fragment(struct track *t, const struct frame *f, struct tracked *k)
{
	if (!f->packet.v[V_FRAGMENT])
		return false;
	struct map_entry *e = map_find(&t->fragments, fragment_key(t->arena, f));
	const struct fragment_of *first = e ? e->ptr : NULL;
	k->state = first ? first->state : CTC_INVALID;
	k->reply = first && first->reply;
	return true;
}

/* --- the whole ----------------------------------------------------------------------- */

struct tracked track_packet(struct track *t, struct frame *f)
{
	struct tracked k = {.state = CTC_INVALID};
	struct packet *p = &f->packet;
	if (!packet_meets(p, C_IP))
		return k;
	if (!f->malformed && !later_fragment(t, f, &k)) {
		if (icmp_untracked(p))
			k.state = CTC_UNTRACKED;
		else if (packet_meets(p, C_ICMP) &&
			 icmp_error((uint32_t)p->v[V_NET_PROTO], (uint32_t)p->v[V_ICMP_TYPE]))
			relate(t, f, &k);
		else
			follow(t, f, &k);
		if (f->fragment)
			k.fragment = fragment_key(t->arena, f);
	}
	p->v[V_CT_STATE] = k.state;
	p->v[V_CT_REPLY] = k.reply;
	return k;
}

void track_passed(struct track *t, const struct tracked *k)
{
	bool added;
	if (k->key.len) {
		struct map_entry *e = map_put(t->arena, &t->connections, k->key, &added);
		struct connection *c = arena_new_object(t->arena, struct connection);
		*c = (struct connection){.tcp = k->tcp};
		e->ptr = c;
	}
	if (!k->fragment.len)
		return;
	struct map_entry *e = map_put(t->arena, &t->fragments, k->fragment, &added);
	struct fragment_of *first = arena_new_object(t->arena, struct fragment_of);
	*first = (struct fragment_of){k->state, k->reply};
	e->ptr = first;
}
