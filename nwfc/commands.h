/* SPDX-License-Identifier: MIT */
/*
 * commands.h - the subcommands: each takes a session whose options are read
 * and returns the exit code. Findings are printed by session_verdict().
 */
#ifndef NWFC_NWFC_COMMANDS_H
#define NWFC_NWFC_COMMANDS_H

#include "nwfc/session.h"

enum exit_code cmd_compile(struct session *s);
enum exit_code cmd_remove(struct session *s);
enum exit_code cmd_check(struct session *s);
enum exit_code cmd_list(struct session *s);
enum exit_code cmd_fields(struct session *s);
enum exit_code cmd_fmt(struct session *s);
enum exit_code cmd_convert(struct session *s);
enum exit_code cmd_completion(struct session *s);
enum exit_code cmd_explain(struct session *s);
enum exit_code cmd_reload(struct session *s);
enum exit_code cmd_verify(struct session *s);

#endif
