#!/bin/sh
# SPDX-License-Identifier: MIT
#
# pre-commit.sh COMMAND [OPTION]... FILE... - nwfc COMMAND, of the nwfc that is installed or of this
# checkout, built when it is used for the first time.
set -eu
here=$(cd "$(dirname "$0")/../.." && pwd)
if command -v nwfc >/dev/null 2>&1; then
	nwfc=nwfc
else
	nwfc=$here/build/nwfc
	if [ ! -x "$nwfc" ] && ! make -s -C "$here" build/nwfc >"$here/build.log" 2>&1; then
		tail -n 20 "$here/build.log" >&2
		echo "nwfc could not be built; install it, or what $here/INSTALL names" >&2
		exit 2
	fi
fi
command=$1
shift
exec "$nwfc" "$command" "$@"
