/* SPDX-License-Identifier: MIT */
/*
 * Fuzzer of frames to packets: nothing is read outside of the frame, a packet has only what its
 * kind has, and a frame made for it is read as the same packet.
 */
#define FUZZ_NAME "frame"
#define FUZZ_WITHOUT_FRONTEND
#include "testsuite/fuzz/fuzz.h"

#include "review/packet_bytes.h"

static void check_again(struct arena *a, struct packet *p)
{
	struct frame f;
	const char *why;
	struct packet q = *p;
	packet_settle(&q);
	REQUIRE(memcmp(q.v, p->v, sizeof q.v) == 0);
	struct str bytes = packet_to_bytes(a, p, &why);
	REQUIRE((bytes.len == 0) == (why != NULL));
	if (why)
		return;
	REQUIRE(frame_read(bytes, p->side, &f));
	REQUIRE(memcmp(f.packet.v, p->v, sizeof p->v) == 0);
	REQUIRE(memcmp(f.packet.tcp_options, p->tcp_options, sizeof p->tcp_options) == 0);
}

static void check_frame(const struct frame *f, uint32_t n)
{
	REQUIRE(f->network <= n && f->transport <= n && f->end <= n);
	REQUIRE(!f->transport || f->transport >= f->network);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new((size_t)1 << 20);
	char *exact = malloc(size ? size : 1);
	struct frame f;
	REQUIRE(a && exact);
	memcpy(exact, data, size);
	bool good = frame_read((struct str){exact, (uint32_t)size}, SIDE_IN, &f);
	REQUIRE(good == (size >= 14));
	if (good) {
		check_frame(&f, (uint32_t)size);
		check_again(a, &f.packet);
	}
	free(exact);
	arena_free(a);
	return 0;
}

#ifdef STANDALONE
static void print_dictionary(void)
{
	printf("\"\\x08\\x06\\x00\\x01\\x08\\x00\\x06\\x04\\x00\\x01\"\n\"\\x81\\x00\"\n"
	       "\"\\x08\\x00\\x45\"\n\"\\x86\\xdd\\x60\"\n\"\\x42\\x42\\x03\\x00\\x00\\x00\"\n");
}
#endif
