#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Under Debian's own kernel, which has what this machine's may lack (connection
# tracking and reject on the bridge, legacy ebtables): the packet tests, and the
# goldens that need it loaded, leases, and bridges. Skipped, and said so, where no virtual machine
# can be had.
set -u
cd "$(dirname "$0")/.." || exit 1
log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT
nwfc=${1:-build/nwfc}
sh testsuite/kernel/vmtest.sh "$nwfc" >"$log" 2>&1
status=$?
if [ $status -eq 77 ]; then
	cat "$log"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi
echo "goldens with connection state or reject:" >>"$log"
python3 -B testsuite/golden/load.py --nwfc "$nwfc" --write build/check/stateful >>"$log" 2>&1
sh testsuite/kernel/vm.sh --timeout 300 "sh testsuite/golden/load-nft.sh build/check/stateful" >>"$log" 2>&1 || status=$?
echo "leases and reload, as a kernel before 6.12 takes them:" >>"$log"
sh testsuite/kernel/vm.sh --timeout 300 "python3 -B testsuite/learn/run.py --nwfc $nwfc --rounds 3" >>"$log" 2>&1 || status=$?
echo "bridges, with VLAN filtering and checksums:" >>"$log"
sh testsuite/kernel/vm.sh --timeout 600 "python3 -B testsuite/network/bridges.py --nwfc $nwfc --kernel" >>"$log" 2>&1 || status=$?
cat "$log"

# One sum; fewer results than runs mean that one of them broke.
awk -v status=$status '
	/^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$/ { n++; p += $1; f += $3; s += $5 }
	END {
		if (n < 6 || (status && !f)) { print "only " n + 0 " of 6 runs ended well, status " status; f++ }
		print p + 0 " passed, " f + 0 " failed, " s + 0 " skipped"
		exit f > 0
	}' "$log"
