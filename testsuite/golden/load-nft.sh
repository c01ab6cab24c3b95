#!/bin/sh
# SPDX-License-Identifier: MIT
#
# load-nft.sh DIR - load each DIR/*.nft twice in this network namespace: both must succeed and list the
# same. Devices that a script's netdev chains hang on are made first. For kernels in a virtual machine,
# where starting anything takes long.
set -u
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
passed=0 failed=0
for f in "$1"/*.nft; do
	nft flush ruleset
	sed -n 's/.* devices = { "\([^"]*\)" }.*/\1/p' "$f" | sort -u | while read -r device; do
		[ -e "/sys/class/net/$device" ] || ip link add "$device" type dummy
	done
	if nft -f "$f" && nft -s list ruleset >"$work/one" && nft -f "$f" && nft -s list ruleset >"$work/two" &&
		grep -q '^table ' "$work/one" && cmp "$work/one" "$work/two"; then
		passed=$((passed + 1))
	else
		echo "$f does not load, or not twice with one result"
		failed=$((failed + 1))
	fi
done
nft flush ruleset
echo "$passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ] && [ $passed -gt 0 ]
