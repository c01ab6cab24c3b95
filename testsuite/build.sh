#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Builds with gcc and with clang, where a warning is an error: the plain one,
# one under AddressSanitizer and UndefinedBehaviorSanitizer, which other suites
# use, and the unit tests of both.
set -u
cd "$(dirname "$0")/.." || exit 1
passed=0 failed=0
unset MAKEFLAGS MFLAGS MAKELEVEL
jobs=$(nproc 2>/dev/null || echo 2)
sanitize='-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all'

build() { # what, make's arguments
	what=$1
	shift
	if make -s -j "$jobs" all units "$@" 2>&1; then
		passed=$((passed + 1))
	else
		echo "does not build: $what"
		failed=$((failed + 1))
	fi
}

build "gcc" CC=gcc BUILD=build/gcc CFLAGS="-O2 -g -Werror"
build "clang with sanitizers" CC=clang BUILD=build/asan CFLAGS="$sanitize -Werror"
echo "$passed passed, $failed failed, 0 skipped"
[ $failed -eq 0 ]
