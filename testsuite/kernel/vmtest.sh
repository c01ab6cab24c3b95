#!/bin/sh
# SPDX-License-Identifier: MIT
# vmtest.sh NWFC - what `make check-vm` runs: the packet tests that need more than this machine's kernel may have.
#
# Inside: nft with connection state and reject, and everything once with the legacy tools, whose
# ebtables (policies of user chains, whole-table restore) differs most.  Traffic is thinned, since
# emulation is some ten times slower than the machine.
set -u
here=$(cd "$(dirname "$0")" && pwd)
nwfc=$(realpath "${1:?usage: vmtest.sh NWFC}")
run="/usr/bin/python3 $here/packettest.py --nwfc $nwfc --thin 4"
cases() { for name; do printf '%s ' "$here/cases/$name"; done; }
"$here/vm.sh" --timeout 600 "
	uname -sr
	echo 'nft, cases with connection state or reject:'
	$run --targets nft --stateful --no-loading; one=\$?
	echo 'ebtables, iptables and ip6tables of the legacy kind:'
	$run --targets xtables --ebtables legacy --iptables legacy --no-loading --case $(cases chain-ends chain-order \
		state-attribute negated-pairs arp-gratuitous); two=\$?
	$run --targets xtables --ebtables legacy --iptables legacy --case $(cases clean-traffic-like lists); three=\$?
	exit \$((one | two | three))"
