/* SPDX-License-Identifier: MIT */
/*
 * parser.h - what the fuzzers of learnd's parsers share: each defines KIND, the kind of its
 * frames, and check_payload().
 *
 * A text is read in two ways: as the payload that the parser is for, and as a
 * frame whose payload it is given when it is of that kind. What must hold of frames:
 *
 *   - what is found lies inside of what was captured, and nothing else is read;
 *   - octets behind an IP packet change nothing;
 *   - of a frame that was cut only the length is missed: it is never of another kind of message
 *     than the whole.
 */
#ifndef NWFC_TESTSUITE_FUZZ_PARSER_H
#define NWFC_TESTSUITE_FUZZ_PARSER_H

#define FUZZ_NAME "learnd"
#define FUZZ_WITHOUT_FRONTEND
#include "testsuite/fuzz/fuzz.h"

#include "learnd/message.h"

static void check_payload(const struct frame *f);

/* Memory of exactly n octets, so that a read beyond them is found. */
static uint8_t *exact_copy(const uint8_t *data, size_t n, size_t more)
{
	uint8_t *copy = malloc(n + more ? n + more : 1);
	REQUIRE(copy);
	if (n)
		memcpy(copy, data, n);
	memset(copy + n, 0xa5, more);
	return copy;
}

static bool is_within(struct bytes outer, struct bytes inner)
{
	return inner.n == 0 || (inner.at >= outer.at && inner.at + inner.n <= outer.at + outer.n);
}

static void check_frame(const uint8_t *data, size_t size, enum direction d)
{
	struct frame f, g;
	uint8_t *copy = exact_copy(data, size, 0);
	bool good = frame_open(copy, size, size, d, &f);
	REQUIRE(good == (f.kind != FRAME_OTHER));
	REQUIRE(!good || is_within((struct bytes){copy, size}, f.payload));
	if (good && f.kind == KIND)
		check_payload(&f);
	/* cut by one octet: the same, or no message any more */
	if (size) {
		uint8_t *shorter = exact_copy(data, size - 1, 0);
		frame_open(shorter, size - 1, size, d, &g);
		REQUIRE(g.kind == f.kind || g.kind == FRAME_OTHER || g.kind == FRAME_DATA);
		free(shorter);
	}
	/* padded: an IP packet knows its length */
	uint8_t *longer = exact_copy(data, size, 7);
	frame_open(longer, size + 7, size + 7, d, &g);
	if (good && f.kind != FRAME_ARP)
		REQUIRE(g.kind == f.kind && g.payload.n == f.payload.n && g.whole == f.whole);
	free(longer);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frame f = {.kind = KIND, .whole = true, .hop_limit = 255};
	uint8_t *copy = exact_copy(data, size, 0);
	f.payload = (struct bytes){copy, size};
	f.src = (struct address){FAMILY_IPV6, {0xfe, 0x80, [15] = 1}};
	f.dst = (struct address){FAMILY_IPV6, {0xff, 2, [15] = 1}};
	check_payload(&f);
	free(copy);
	check_frame(data, size, FROM_GUEST);
	check_frame(data, size, TO_GUEST);
	return 0;
}

#endif
