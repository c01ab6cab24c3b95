/* SPDX-License-Identifier: MIT */
/*
 * commands.h - the subcommands: each takes a session whose options are read
 * and returns the exit code. Findings are printed by session_verdict().
 */
#ifndef NWFC_NWFC_COMMANDS_H
#define NWFC_NWFC_COMMANDS_H

#include "nwfc/session.h"

#define COMMAND(id, name, ...) enum exit_code cmd_##name(struct session *s);
#define BUILT_IN(...)
#include "nwfc/commands.def"

#endif
