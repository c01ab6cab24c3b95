/* SPDX-License-Identifier: MIT */
#include "nwfc/diff.h"
void diff_html(const struct diff *d, struct buf *out)
{
	diff_text(d, out);
}
