#!/bin/sh
# SPDX-License-Identifier: MIT
#
# install.sh - for CI: build nwfc from this checkout and print the directory that it is in.
# An nwfc that is installed already is taken.
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
if found=$(command -v nwfc); then
	dirname "$found"
	exit 0
fi
{
	make -s -C "$here" deps
	make -s -C "$here" build/nwfc
} >&2
echo "$here/build"
