#!/bin/sh
# SPDX-License-Identifier: MIT
# Compile the stock filter clean-traffic for one port, to every target, and show
# what came of it. Argument: the folder with the program.
set -eu
build=$1
out=$build/demo

run() {
	printf '\n$ %s\n' "$*"
	"$@"
}

# The first lines of a script; ours carry no tabs or blanks that matter to a reader.
show() { # file lines title
	printf '\n--- %s: %s (%s bytes, %s lines)\n' "$1" "$3" "$(wc -c <"$out/$1")" "$(wc -l <"$out/$1")"
	sed -n "1,$2p" "$out/$1" | expand -t 4 | cut -c 1-130 | sed 's/^/  | /'
	[ "$(wc -l <"$out/$1")" -le "$2" ] || echo '  | ...'
}

cat <<'EOT'
A port, vnet0, of a guest with the MAC address 52:54:00:12:34:56 that owns the
addresses 10.0.0.1 and 10.0.0.2, and the filter that keeps it to them:
EOT
run "$build/nwfc" compile -t all -o "$out" --port vnet0 --mac 52:54:00:12:34:56 \
	--filter clean-traffic -D IP=10.0.0.1 -D IP=10.0.0.2
run "$build/nwfc" remove -t all -o "$out"

show nwfc.nft 45 'one transaction for nft -f'
show ebtables 34 'frame rules for ebtables-restore'
show iptables 14 'packet rules, IPv4: clean-traffic has none'
show ip6tables 4 'packet rules, IPv6, likewise'
show xtables 4 'a script with all three, checked, loaded, rolled back if need be'

cat <<EOT

What is next
  read it           less $out/nwfc.nft
  which rules?      $build/nwfc --dump=layout --port vnet0 --mac 52:54:00:12:34:56 \\
                        --filter clean-traffic -D IP=10.0.0.1
  load it           as root: nft -f $out/nwfc.nft       (or: sh $out/xtables)
  as often as you like; it is the same each time
  take it away      as root: nft -f $out/remove-nwfc.nft   (or: sh $out/remove-xtables)
  your own          $build/nwfc list; README.md has a tour; man -l man/nwfc.5 is the language
EOT
