#!/bin/sh
# SPDX-License-Identifier: MIT
# Run the fuzzers: run.sh [--seconds N]   (without: until interrupted, one after another)
#
# Every fuzz_NAME.c is built twice. With gcc it replays the seeds and prints the
# dictionary; with clang it is a libFuzzer program, which starts from the seeds
# and from what earlier runs have found (build/fuzz/NAME.corpus).
# Exit 0 good, 1 something was found (the input is left in build/fuzz).
set -eu
cd "$(dirname "$0")/../.."

seconds=0
case ${1-} in
--seconds) seconds=$2 ;;
'') ;;
*) echo "usage: run.sh [--seconds N]" >&2; exit 2 ;;
esac

out=build/fuzz
mkdir -p "$out"
make --no-print-directory build/libnwfc.a
xml_flags=$(pkg-config --cflags libxml-2.0)
xml_libs=$(pkg-config --libs libxml-2.0)
flags="-std=gnu11 -g -O1 -I. -Ibuild/gen $xml_flags -fno-sanitize-recover=undefined"
sources="$(ls base/*.c ir/*.c frontend/*.c frontend/nwf/*.c) build/gen/stock_filters.c build/gen/nwf_grammar.c build/gen/nwf_scanner.c"
# Of learnd what needs no live sockets.
sources="$sources $(for f in address frame arp dhcp4 dhcp6 nd owners requests believe doubt learn_arp learn_nd learn_dhcp learner port journal; do echo "learnd/$f.c"; done)"
# What reads and writes frames.
sources="$sources $(ls review/packet.c review/frame_*.c)"

# All that fuzzers are linked with, once for each compiler: archive NAME COMPILER FLAGS...
archive() {
	rm -rf "${out:?}/$1" "$out/$1.a"
	mkdir -p "$out/$1"
	folder=$out/$1
	shift
	# shellcheck disable=SC2086,SC2016
	printf '%s\n' $sources | xargs -P "$(nproc 2>/dev/null || echo 2)" -I FILE sh -c '
		object=$1/$(echo "$2" | tr / _).o
		shift 2
		exec "$@" -o "$object"' archive "$folder" FILE "$@" $flags -c FILE
	ar rcs "$folder.a" "$folder"/*.o
}

clang=clang
if ! echo 'int LLVMFuzzerTestOneInput(const char *p, long n) { return !p + !n; }' |
	clang -fsanitize=fuzzer -x c - -o "$out/probe" 2>/dev/null; then
	clang=
fi

# shellcheck disable=SC2086
archive replay ${CC:-cc} -fsanitize=address,undefined
[ -z "$clang" ] || archive fuzz clang -fsanitize=fuzzer-no-link,address,undefined

passed=0 failed=0 skipped=0
for fuzzer in testsuite/fuzz/fuzz_*.c; do
	name=$(basename "$fuzzer" .c)
	name=${name#fuzz_}
	case $name in
	learnd*) time=$(((seconds + 2) / 3)) ;; # they are small and many
	*) time=$seconds ;;
	esac
	# shellcheck disable=SC2086  # the lists are meant to be split
	${CC:-cc} $flags -fsanitize=address,undefined -DSTANDALONE "$fuzzer" "$out/replay.a" $xml_libs -o "$out/replay_$name"
	"$out/replay_$name" --dictionary >"$out/$name.dict"
	if "$out/replay_$name" testsuite/fuzz/seeds; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		continue
	fi
	if [ -z "$clang" ]; then
		echo "SKIP $name: there is no clang with libFuzzer, only the seeds were read"
		skipped=$((skipped + 1))
		continue
	fi
	# shellcheck disable=SC2086
	clang $flags -fsanitize=fuzzer,address,undefined "$fuzzer" "$out/fuzz.a" $xml_libs -o "$out/fuzz_$name"
	mkdir -p "$out/$name.corpus"
	set -- "$out/fuzz_$name" -dict="$out/$name.dict" -max_len=6000 -timeout=5 -rss_limit_mb=4096 \
		-artifact_prefix="$out/" "$out/$name.corpus" testsuite/fuzz/seeds
	if [ "$seconds" -eq 0 ]; then
		"$@" && passed=$((passed + 1)) || failed=$((failed + 1))
	elif "$@" -max_total_time="$time" >"$out/$name.log" 2>&1; then
		sed -n 's/^Done \(.*\)/'"$name"': \1/p' "$out/$name.log"
		passed=$((passed + 1))
	else
		cat "$out/$name.log"
		failed=$((failed + 1))
	fi
done
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
