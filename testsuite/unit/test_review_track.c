/* SPDX-License-Identifier: MIT */
/*
 * Connections of a capture: what state each packet of a sequence has.
 */
#include "review_fixture.h"

#include "review/track.h"

#define GUEST 0x0a000001
#define PEER  0xc0000201

static struct track track;

static int begin(void **state)
{
	setup(state);
	track = (struct track){.arena = fx->arena};
	return 0;
}

/* A packet of the guest (out) or of its peer, as a frame. */
static struct frame frame_of(enum side side, uint32_t proto, uint32_t x, uint32_t y)
{
	bool out = side == SIDE_OUT;
	struct packet p = {.side = side};
	const char *why;
	struct frame f;
	p.v[V_ETHER_TYPE] = 0x0800;
	p.v[V_NET_PROTO] = proto;
	p.v[V_IP4_SADDR] = out ? GUEST : PEER;
	p.v[V_IP4_DADDR] = out ? PEER : GUEST;
	p.v[V_SPORT] = out ? 4000 : 80;
	p.v[V_DPORT] = out ? 80 : 4000;
	p.v[V_TCP_FLAGS] = x;
	p.v[V_ICMP_TYPE] = x;
	p.v[V_ICMP_CODE] = y;
	packet_settle(&p);
	assert_true(frame_read(packet_to_bytes(fx->arena, &p, &why), side, &f));
	return f;
}

/* Its state, and the direction, when it passes or is dropped. */
static int state_of(struct frame f, bool passes)
{
	struct tracked k = track_packet(&track, &f);
	if (passes)
		track_passed(&track, &k);
	assert_int_equal(f.packet.v[V_CT_STATE], k.state);
	return k.state + (k.reply ? 10 : 0);
}

#define TCP(side, flags)  state_of(frame_of(SIDE_##side, 6, flags, 0), true)
#define UDP(side, passes) state_of(frame_of(SIDE_##side, 17, 0, 0), passes)
#define ICMP(side, type)  state_of(frame_of(SIDE_##side, 1, type, 0), true)
#define REPLY             10

static void test_tcp(void **state)
{
	assert_int_equal(TCP(IN, TCP_SYN | TCP_ACK), CTC_INVALID);
	assert_int_equal(TCP(OUT, TCP_SYN), CTC_NEW);
	assert_int_equal(TCP(OUT, TCP_SYN), CTC_NEW);
	assert_int_equal(TCP(IN, TCP_SYN | TCP_ACK), REPLY + CTC_ESTABLISHED);
	assert_int_equal(TCP(OUT, TCP_ACK), CTC_ESTABLISHED);
	assert_int_equal(TCP(IN, TCP_FIN), CTC_INVALID); /* no flags that go together */
	assert_int_equal(TCP(IN, TCP_FIN | TCP_ACK), REPLY + CTC_ESTABLISHED);
	assert_int_equal(TCP(OUT, TCP_FIN | TCP_ACK), CTC_ESTABLISHED);
	assert_int_equal(TCP(IN, TCP_ACK), REPLY + CTC_ESTABLISHED);
}

static void test_tcp_in_the_middle(void **state)
{
	assert_int_equal(TCP(IN, TCP_RST), CTC_INVALID);
	assert_int_equal(TCP(IN, TCP_FIN | TCP_ACK), CTC_INVALID);
	assert_int_equal(TCP(IN, TCP_ACK | TCP_PSH), CTC_NEW);
	assert_int_equal(TCP(OUT, TCP_ACK), REPLY + CTC_ESTABLISHED);
	assert_int_equal(TCP(IN, 0), CTC_INVALID);
}

static void test_dropped_leaves_nothing(void **state)
{
	assert_int_equal(UDP(OUT, false), CTC_NEW);
	assert_int_equal(UDP(IN, false), CTC_NEW);
	assert_int_equal(UDP(OUT, true), CTC_NEW);
	assert_int_equal(UDP(IN, false), REPLY + CTC_ESTABLISHED); /* seen, whatever became of it */
	assert_int_equal(UDP(OUT, true), CTC_ESTABLISHED);
}

static void test_icmp(void **state)
{
	assert_int_equal(ICMP(IN, 0), CTC_INVALID);
	assert_int_equal(ICMP(OUT, 8), CTC_NEW);
	assert_int_equal(ICMP(IN, 8), CTC_NEW); /* the other end has a connection of its own */
	assert_int_equal(ICMP(IN, 0), REPLY + CTC_ESTABLISHED);
	assert_int_equal(ICMP(OUT, 8), CTC_ESTABLISHED);
	assert_int_equal(ICMP(OUT, 0), REPLY + CTC_ESTABLISHED);
	assert_int_equal(ICMP(OUT, 9), CTC_INVALID);
}

/* An error with the first 28 bytes of a packet in it. */
static int error_about(enum side side, const struct frame *inner)
{
	struct frame f = frame_of(side, 1, 3, 3), g;
	char *bytes = arena_alloc(fx->arena, 14 + 28 + 28);
	memcpy(bytes, f.packet.bytes.s, 14 + 28);
	memcpy(bytes + 14 + 28, inner->packet.bytes.s + 14, 28);
	bytes[17] = 56;
	bytes[24] = bytes[25] = 0;
	uint16_t sum = checksum_end(checksum_add(0, (uint8_t *)bytes + 14, 20));
	bytes[24] = (char)(sum >> 8);
	bytes[25] = (char)sum;
	assert_true(frame_read((struct str){bytes, 14 + 28 + 28}, side, &g));
	assert_null(g.malformed);
	return state_of(g, true);
}

static void test_related(void **state)
{
	struct frame own = frame_of(SIDE_OUT, 17, 0, 0), back = frame_of(SIDE_IN, 17, 0, 0);
	assert_int_equal(error_about(SIDE_IN, &own), CTC_INVALID);
	assert_int_equal(UDP(OUT, true), CTC_NEW);
	assert_int_equal(error_about(SIDE_IN, &own), REPLY + CTC_RELATED);
	assert_int_equal(error_about(SIDE_OUT, &back), CTC_RELATED);
}

static void test_others(void **state)
{
	struct dice d = {4};
	struct packet p = {.side = SIDE_IN};
	const char *why;
	struct frame f;
	p.v[V_ETHER_TYPE] = 0x86dd;
	p.v[V_NET_PROTO] = 58;
	p.v[V_ICMP_TYPE] = 135;
	assert_true(frame_read(packet_to_bytes(fx->arena, &p, &why), SIDE_IN, &f));
	assert_int_equal(state_of(f, true), CTC_UNTRACKED);
	f = frame_of(SIDE_OUT, 17, 0, 0);
	f.malformed = "so it is";
	assert_int_equal(state_of(f, true), CTC_INVALID);
	for (int i = 0; i < 5000; i++) { /* whatever comes: a state that there is */
		p = random_packet(&d);
		struct str bytes = packet_to_bytes(fx->arena, &p, &why);
		((char *)(uintptr_t)bytes.s)[roll(&d, bytes.len)] = (char)roll(&d, 256);
		if (!frame_read(bytes, p.side, &f))
			continue;
		struct tracked k = track_packet(&track, &f);
		assert_true(k.state < CT_CLASSES && !(k.reply && k.state == CTC_NEW));
		if (chance(&d, 70))
			track_passed(&track, &k);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_tcp, begin, teardown),
		cmocka_unit_test_setup_teardown(test_tcp_in_the_middle, begin, teardown),
		cmocka_unit_test_setup_teardown(test_dropped_leaves_nothing, begin, teardown),
		cmocka_unit_test_setup_teardown(test_icmp, begin, teardown),
		cmocka_unit_test_setup_teardown(test_related, begin, teardown),
		cmocka_unit_test_setup_teardown(test_others, begin, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
