#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check-vm.sh [--short] [NWFC]
#
# Under Debian's own kernel, which has what this machine's may lack (connection
# tracking and reject on the bridge, legacy ebtables): the packet tests, and the
# goldens that need it loaded, leases, and bridges. Emulation takes a quarter of
# an hour for all of it; --short, which `make check` runs, only loads the
# goldens. Skipped, and said so, where no virtual machine can be had.
set -u
cd "$(dirname "$0")/.." || exit 1
runs=6
[ "${1:-}" = --short ] && { runs=1; shift; }
nwfc=${1:-build/nwfc}
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
status=0

vm() {
	seconds=$1
	shift
	sh testsuite/kernel/vm.sh --timeout "$seconds" "$@" >>"$log" 2>&1 || status=$?
}

echo "goldens with connection state or reject:" >>"$log"
python3 -B testsuite/golden/load.py --nwfc "$nwfc" --write build/check/stateful >>"$log" 2>&1
vm 300 "sh testsuite/golden/load-nft.sh build/check/stateful"
if [ $status -eq 77 ]; then
	cat "$log"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi
if [ $runs -gt 1 ]; then
	sh testsuite/kernel/vmtest.sh "$nwfc" >>"$log" 2>&1 || status=$?
	echo "leases and reload, as a kernel before 6.12 takes them:" >>"$log"
	vm 300 "python3 -B testsuite/learn/run.py --nwfc $nwfc --rounds 3"
	echo "bridges, with VLAN filtering and checksums:" >>"$log"
	vm 600 "python3 -B testsuite/network/bridges.py --nwfc $nwfc --kernel"
fi
cat "$log"

# One sum; fewer results than runs mean that one of them broke.
awk -v status=$status -v runs=$runs '
	/^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$/ { n++; p += $1; f += $3; s += $5 }
	END {
		if (n < runs || (status && !f)) { print "only " n + 0 " of " runs " runs ended well, status " status; f++ }
		print p + 0 " passed, " f + 0 " failed, " s + 0 " skipped"
		exit f > 0
	}' "$log"
