#!/bin/sh
# SPDX-License-Identifier: MIT
#
# diff.sh BASE FILE INPUT... - what a change means: each INPUT (a file or directory in the working
# directory's repository) as it was at the revision BASE against as it is now, as Markdown into
# FILE. Status 0: no packet is treated differently, 1: some are, 2: it can not be said.
set -eu
base=$1 out=$2
shift 2
old=$(mktemp -d)
trap 'git worktree remove --force "$old/tree" >/dev/null 2>&1 || true; rm -rf "$old"' EXIT
git worktree add --quiet --detach "$old/tree" "$base"
prefix=$(git rev-parse --show-prefix)
status=0
: >"$out"
for input in "$@"; do
	before=$old/tree/$prefix$input
	if [ ! -e "$before" ]; then
		printf '`%s` is new.\n' "$input" >>"$out"
		[ $status -eq 2 ] || status=1
		continue
	fi
	rc=0
	nwfc diff --format markdown "$before" "$input" >>"$out" || rc=$?
	[ $rc -le 1 ] || rc=2
	[ $rc -le $status ] || status=$rc
done
# The base's directory is nobody's business.
sed -i "s|$old/tree/$prefix||g" "$out"
exit $status
