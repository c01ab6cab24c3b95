/* SPDX-License-Identifier: MIT */
#include "nwfc/commands.h"
enum exit_code cmd_reload(struct session *s)
{
	(void)s;
	return EXIT_BUG;
}
