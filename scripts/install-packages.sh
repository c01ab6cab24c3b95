#!/bin/sh
# SPDX-License-Identifier: MIT
# Install the packages that are missing; say nothing and touch nothing when none is.
# Servers among them are not started: tests run them in namespaces of their own.
missing=
for p in "$@"; do
	dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
done
[ -z "$missing" ] && exit 0
if [ "$(id -u)" -eq 0 ]; then
	sudo=
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
	sudo=sudo
else
	echo "These packages are missing. As root, run:" >&2
	echo "    apt-get install -y$missing" >&2
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	trap '$sudo rm -f $policy' EXIT
	trap 'exit 1' HUP INT TERM
	printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null && $sudo chmod 755 $policy
fi
# shellcheck disable=SC2086  # the list is meant to be split
$sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1 && exit 0
$sudo apt-get update -qq && $sudo apt-get install -y -qq --no-install-recommends $missing
