#!/bin/sh
# SPDX-License-Identifier: MIT
#
# grammar.sh - the grammar of the nwf language for people, from the grammar file:
# the rules without their actions, tokens by their names, what recovers from
# errors left out.
set -eu
cd "$(dirname "$0")/.."
awk '
	BEGIN { nl = "END_LINE" }
	/^%token/ {
		line = $0
		while (match(line, /[A-Z_]+ "[^"]*"/)) {
			pair = substr(line, RSTART, RLENGTH)
			split(pair, part, " \"")
			alias = substr(part[2], 1, length(part[2]) - 1)
			word[part[1]] = alias ~ / / ? part[1] : "\"" alias "\""
			line = substr(line, RSTART + RLENGTH)
		}
	}
	/^%%/ { part_of++; next }
	part_of != 1 || /^\/\*/ || /error/ || /[|] WORD (WORD )?DIRECTION/ { next }
	{
		sub(/[ \t]*\{ .*\}[ \t]*;?$/, "")
		if ($0 ~ /^[ \t]*$/) next
		out = ""
		rest = $0
		sub(/^\t/, "    ", rest)
		gsub(/\t/, "    ", rest)
		while (match(rest, /[A-Z][A-Z_]+/)) {
			name = substr(rest, RSTART, RLENGTH)
			out = out substr(rest, 1, RSTART - 1) (name in word ? word[name] : name)
			rest = substr(rest, RSTART + RLENGTH)
		}
		print out rest
	}
' frontend/nwf/nwf.y
