#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check.sh [SUITE...] - run all tests, or the named suites.
#
# A suite is a command of the table below. Its last line that reads
# "N passed, N failed, N skipped" is its result; a suite without one, or with an
# exit status of its own without a failure, is broken and counts as a failure.
# Output of suites goes to build/check/SUITE.log and is shown when one fails;
# of the others only what begins with SKIP is shown, for a skipped test must
# not look like a passed one. The last line sums up.
#
# Suites run one after another, since packet tests judge by what arrives in time.
set -u
cd "$(dirname "$0")/.." || exit 1
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
LC_ALL=C.UTF-8
export PATH LC_ALL
logs=build/check
mkdir -p $logs
run="python3 -B"

suites() {
	cat <<-END
	build        sh testsuite/build.sh
	unit         sh testsuite/unit/run.sh build build/asan
	threads      sh testsuite/threads/run.sh
	golden       $run testsuite/golden/run.py --nwfc build/nwfc
	golden-asan  $run testsuite/golden/run.py --nwfc build/asan/nwfc
	gallery      $run testsuite/gallery/run.py --nwfc build/nwfc
	cli          $run testsuite/cli/run.py --nwfc build/nwfc
	texts        $run testsuite/cli/texts.py --nwfc build/nwfc
	hostile      $run testsuite/cli/hostile.py --nwfc build/asan/nwfc
	hostile-nwf  $run testsuite/cli/hostile_nwf.py --nwfc build/asan/nwfc
	readback     $run testsuite/readback/run.py --nwfc build/nwfc --mutants 300
	load         $run testsuite/golden/load.py --nwfc build/nwfc
	xtables      $run testsuite/xtables/run.py --nwfc build/nwfc
	property     $run testsuite/cli/property.py --nwfc build/nwfc
	corpus       $run testsuite/corpus/compare.py --nwfc build/nwfc
	networks     $run testsuite/corpus/networks.py --nwfc build/nwfc
	net-rules    $run testsuite/corpus/network_rules.py --nwfc build/nwfc
	domains      $run testsuite/corpus/domains.py --nwfc build/nwfc
	differences  $run testsuite/corpus/check_differences.py --nwfc build/nwfc
	diff         $run testsuite/review/diff.py --nwfc build/nwfc
	diff-page    $run testsuite/review/page.py --nwfc build/nwfc
	diff-kernel  $run testsuite/review/kernel.py --nwfc build/nwfc --packets 25
	change       $run testsuite/nft/change.py --nwfc build/nwfc
	learn        $run testsuite/learn/run.py --nwfc build/nwfc
	nft-packets  $run testsuite/nft/packets.py --nwfc build/nwfc --cases 20
	shapes       $run testsuite/nft/shapes.py --nwfc build/nwfc
	random       $run testsuite/corpus/check_random.py --nwfc build/nwfc
	mistakes     $run testsuite/corpus/mistakes.py --nwfc build/nwfc
	kernel       $run testsuite/kernel/packettest.py --nwfc build/nwfc
	learning     $run testsuite/kernel/learningtest.py --nwfc build/nwfc
	trace        $run testsuite/trace/run.py --nwfc build/nwfc
	learnd       $run testsuite/learnd/cases.py --learnd build/learnd
	learnd-asan  $run testsuite/learnd/cases.py --learnd build/asan/learnd
	captures     $run testsuite/learnd/captures.py --learnd build/learnd
	learnd-live  $run testsuite/learnd/live.py --learnd build/learnd --nwfc build/nwfc
	learn-live   $run testsuite/learn-live/run.py --learnd build/learnd --nwfc build/nwfc
	dual-frames  $run testsuite/kernel/dualtest.py --nwfc build/nwfc
	service      $run testsuite/learnd/service.py --learnd build/learnd --nwfc build/nwfc
	reach        $run testsuite/network/reach.py --nwfc build/nwfc
	net-examples $run testsuite/network/examples.py --nwfc build/nwfc
	bridges      $run testsuite/network/bridges.py --nwfc build/nwfc
	macvtap      $run testsuite/macvtap/hooks.py
	macvtap-filter $run testsuite/macvtap/filter.py --nwfc build/nwfc
	graph        $run testsuite/graph/run.py --nwfc build/nwfc
	provenance   $run testsuite/provenance/run.py --nwfc build/nwfc
	prove        $run testsuite/prove/run.py --nwfc build/nwfc --count 40
	prove-kernel $run testsuite/prove/stock_kernel.py --nwfc build/nwfc
	cases        $run testsuite/cases/run.py --nwfc build/nwfc
	ci           $run testsuite/ci/run.py --nwfc build/nwfc
	docs         $run testsuite/docs/check-docs.py --nwfc build/nwfc
	fuzz         sh testsuite/fuzz/run.sh --seconds 4
	vm           sh scripts/check-vm.sh --short
	END
}

# Numbers of the result line of a log: "passed failed skipped"; nothing when there is none.
result() {
	sed -n 's/^\(.*: \)\{0,1\}\([0-9]*\) passed, \([0-9]*\) failed\(, \([0-9]*\) skipped\)\{0,1\}$/\2 \3 0\5/p' "$1" | tail -n 1
}

passed=0 failed=0 skipped=0 broken=0
suites >$logs/table
while read -r name command <&3; do
	[ $# -gt 0 ] && case " $* " in *" $name "*) ;; *) continue ;; esac
	log=$logs/$name.log
	started=$(date +%s)
	sh -c "$command" >"$log" 2>&1 </dev/null
	status=$?
	took=$(($(date +%s) - started))
	numbers=$(result "$log")
	if [ -z "$numbers" ]; then
		broken=$((broken + 1))
		printf '%-12s BROKEN (status %d, %d s)\n' "$name" $status $took
		tail -n 60 "$log" | sed 's/^/    /'
		continue
	fi
	read -r p f s <<-END
		$numbers
	END
	s=${s#0}
	s=${s:-0}
	[ $status -ne 0 ] && [ "$f" -eq 0 ] && f=1 && echo "the suite ended with status $status" >>"$log"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	printf '%-12s %d passed, %d failed, %d skipped (%d s)\n' "$name" "$p" "$f" "$s" $took
	if [ "$f" -gt 0 ]; then
		tail -n 200 "$log" | sed 's/^/    /'
	else
		sed -n 's/^SKIP/    &/p' "$log"
	fi
done 3<$logs/table
failed=$((failed + broken))
echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
