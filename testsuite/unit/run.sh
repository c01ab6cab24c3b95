#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh BUILD... - run every unit test program of these builds (make units BUILD=...).
#
# cmocka's TAP lines are counted; a program that dies, or whose plan is not
# fulfilled, is a failure of its own.
set -u
cd "$(dirname "$0")/../.." || exit 1
passed=0 failed=0 skipped=0
export CMOCKA_MESSAGE_OUTPUT=TAP
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT

count() {
	grep -c "$1" "$out"
}

for build in "$@"; do
	for source in testsuite/unit/test_*.c; do
		program=$build/unit/$(basename "$source" .c)
		timeout 300 "$program" >"$out" 2>&1
		status=$?
		# a skipped test is "not ok N # SKIP" to cmocka
		s=$(count '^not ok .*# SKIP')
		p=$(count '^ok ') f=$(($(count '^not ok ') - s))
		planned=$(sed -n 's/^1\.\.//p' "$out" | awk '{n += $1} END {print n + 0}')
		[ "$planned" -gt 0 ] && [ "$planned" -eq $((p + f + s)) ] && [ $status -eq "$f" ] || {
			f=$((f + 1))
			echo "$program: status $status, $((p + s)) of $planned tests done"
		}
		if [ "$f" -gt 0 ]; then
			echo "== $program"
			grep -v '^ok ' "$out"
		elif [ "$s" -gt 0 ]; then
			sed -n 's/^skipped: /SKIP: /p' "$out"
		fi
		passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	done
done
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
