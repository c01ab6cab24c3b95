# SPDX-License-Identifier: MIT
# What a bridge is told of its ports. Every step is asked for first, so a second run
# changes nothing. A port that is not there yet is left out with a word: its guest
# does not run, and the script is to be run again when it does.

PATH=$PATH:/usr/sbin:/sbin
LC_ALL=C
export PATH LC_ALL
set -u

status=0
say() {
	printf 'nwfc: %s\n' "$*" >&2
}
differs() {
	say "$*"
	status=1
}

# What a run has done so far, the other way round; NWFC_UNDO keeps it for later.
take_back() {
	sed -n '1!G;h;$p' "$undo" | while read -r what port word value; do
		case $what in
		flag) bridge link set dev "$port" "$word" "$([ "$value" = true ] && echo on || echo off)" ;;
		entry) bridge fdb del "$word" dev "$port" master static ;;
		esac
	done
	: >"$undo"
}
fail() {
	say "$*"
	take_back
	say "nothing has been changed"
	exit 1
}

# Asked by netlink: /sys may be that of another namespace.
is_bridge() {
	[ -n "$(ip link show dev "$1" type bridge 2>/dev/null)" ]
}
is_port() { # port bridge
	[ -n "$(ip link show dev "$1" master "$2" 2>/dev/null)" ]
}
filters_vlans() { # bridge
	ip -d link show dev "$1" | grep -q ' vlan_filtering 1 '
}

# The value of a port's switch: true or false.
flag_of() { # port flag
	bridge -j -d link show dev "$1" | tr ',{}' '\n\n\n' | sed -n "s/^ *\"$2\": *\\([a-z]*\\).*/\\1/p" | head -n 1
}

has_entry() { # port mac
	bridge fdb show dev "$1" | grep -i "^$2 " | grep -v ' self' | grep -q ' static'
}

set_flag() { # port flag wanted (true, false)
	word=off
	[ "$3" = false ] || word=on
	name=$2
	value=$(flag_of "$1" "$name")
	[ "$value" = "$3" ] && return
	if [ "$action" = verify ]; then
		differs "port $1: $name is ${value:-not known}, not $3"
	elif bridge link set dev "$1" "$name" "$word"; then
		echo "flag $1 $name ${value:-false}" >>"$undo"
	else
		fail "port $1: $name can not be set $word"
	fi
}

# The guest's address, in the table for ever, and no other learned or flooded to it.
pin() { # port mac
	set_flag "$1" learning false
	set_flag "$1" flood false
	has_entry "$1" "$2" && return
	if [ "$action" = verify ]; then
		differs "port $1: $2 is not in the table"
	elif bridge fdb replace "$2" dev "$1" master static; then
		echo "entry $1 $2 -" >>"$undo"
	else
		fail "port $1: $2 can not be put into the table"
	fi
}

unpin() { # port mac
	set_flag "$1" learning true
	set_flag "$1" flood true
	has_entry "$1" "$2" && bridge fdb del "$2" dev "$1" master static
	return 0
}

each_port() { # port bridge mac pinned isolated
	if ! is_port "$1" "$2"; then
		[ "$action" = remove ] || differs_or_say "port $1 is not on bridge $2"
		return
	fi
	if [ "$action" = remove ]; then
		[ "$4" = 0 ] || unpin "$1" "$3"
		set_flag "$1" isolated false
		return
	fi
	[ "$4" = 0 ] || pin "$1" "$3"
	if [ "$5" = 1 ]; then
		set_flag "$1" isolated true
	else
		set_flag "$1" isolated false
	fi
}

differs_or_say() {
	say "$*"
	[ "$action" != verify ] || status=1
}

# With filtering of VLANs a bridge whose ports neither learn nor are flooded takes its
# uplink out of promiscuous mode. That saves work and is no part of the safety, so a
# kernel without it will do.
each_bridge() { # bridge pinned dhcp
	if ! is_bridge "$1"; then
		[ "$action" = remove ] || differs_or_say "bridge $1 is not there"
		return
	fi
	if [ "$2" = 1 ] && [ "$action" != remove ] && ! filters_vlans "$1"; then
		if [ "$action" = verify ]; then
			say "bridge $1: VLAN filtering is off"
		elif ! ip link set dev "$1" type bridge vlan_filtering 1 2>/dev/null; then
			say "bridge $1: this kernel has no VLAN filtering; the uplink stays promiscuous"
		fi
	fi
	[ "$3" = 0 ] || checksums "$1"
}

# DHCP answers of the host reach a guest with checksums unfinished when its card
# leaves them to the host. nft has no word for finishing them, tc has.
checksums() { # bridge
	there=$(tc filter show dev "$1" egress 2>/dev/null | grep -c 'csum')
	case $action in
	remove) [ "$there" = 0 ] || tc filter del dev "$1" egress pref 6868 ;;
	verify) [ "$there" != 0 ] || say "bridge $1: no filter finishes the checksums of DHCP answers" ;;
	*)
		[ "$there" = 0 ] || return 0
		tc qdisc add dev "$1" clsact 2>/dev/null
		tc filter add dev "$1" egress pref 6868 protocol ip u32 match ip protocol 17 0xff \
			match ip dport 68 0xffff action csum ip and udp 2>/dev/null ||
			say "bridge $1: this kernel can not finish checksums of DHCP answers with tc"
		;;
	esac
}

case ${1-apply} in
apply | remove | verify | undo) action=${1-apply} ;;
*)
	say "apply, remove or verify?"
	exit 2
	;;
esac
for tool in bridge ip; do
	command -v "$tool" >/dev/null 2>&1 && continue
	say "$tool (of iproute2) is not installed"
	exit 1
done
undo=${NWFC_UNDO-}
if [ -z "$undo" ]; then
	undo=$(mktemp "${TMPDIR:-/tmp}/nwfc.XXXXXX") || exit 1
	trap 'rm -f "$undo"' EXIT
	trap 'exit 1' HUP INT TERM
fi
if [ "$action" = undo ]; then
	take_back
	exit
fi

