# SPDX-License-Identifier: MIT
# What a bridge is told of its ports. Every step is asked for first, so a second run
# changes nothing. What a step replaces goes into a record before the step is done,
# so that remove, and a run that fails, take back our own steps alone: what libvirt
# told the bridge itself stays. A guest that does not run has no port; it is left out
# with a word, and the script is to be run again when it does.
#
# A line of the record, a step:
#   INDEX DEVICE flag NAME WORD      the port's switch NAME was WORD
#   INDEX DEVICE entry MAC PORT      the address was at PORT, or nowhere (-)
#   INDEX DEVICE sticky MAC PORT     the address was held at PORT
#   INDEX DEVICE vlans - -           the bridge filtered no VLANs
#   INDEX DEVICE sums QDISC -        the bridge finished no checksums; QDISC was made for it, or -
# The index tells the device from a later one of its name, which has none of our steps.

set -f # names may have any of *?[
status=0
place=6868 # of our filter among those of tc
differs() {
	say "$*"
	status=1
}

index_of() {
	ip -o link show dev "$1" 2>/dev/null | sed -n '1s/:.*//p'
}
is_gone() { # index
	ip -o link show >"$work/links" && ! grep -q "^$1: " "$work/links"
}

# The lines of a file that are about a device. awk would read a name like 1e1 as a
# number, and take a backslash for an escape.
lines_of() { # file device
	device=$2 awk '($2 "") == (ENVIRON["device"] "")' "$1"
}

# The qdisc stays when others have put filters there since.
take_back_sums() { # bridge qdisc
	! finishes_sums "$1" || tc filter del dev "$1" egress pref $place || return
	[ "$2" = - ] || [ -n "$(tc filter show dev "$1" egress)$(tc filter show dev "$1" ingress)" ] ||
		! has_clsact "$1" || tc qdisc del dev "$1" "$2"
}

take_back_entry() { # port mac sticky|entry former
	now=$(kind_of "$1" "$2") || return
	[ -n "$now" ] || return 0
	if [ "$4" = - ] || [ -z "$(bridge link show dev "$4" 2>/dev/null)" ]; then
		bridge fdb del "$2" dev "$1" master static
	else
		put_entry "$4" "$2" "$3"
	fi
}

take_back_step() { # index device kind word value
	if [ "$(index_of "$2")" != "$1" ]; then
		is_gone "$1"
		return
	fi
	case $3 in
	flag | entry | sticky)
		link=$(bridge link show dev "$2") || return
		[ -n "$link" ] || return 0
		;;
	esac
	case $3 in
	flag)
		now=$(flag_of "$2" "$4") || return
		[ "$now" = "$5" ] || bridge link set dev "$2" "$4" "$5"
		;;
	entry | sticky) take_back_entry "$2" "$4" "$3" "$5" ;;
	vlans) ip link set dev "$2" type bridge vlan_filtering 0 ;;
	sums) take_back_sums "$2" "$4" ;;
	esac
}

set_record() { # file
	cat "$1" >"$record.new" && mv "$record.new" "$record"
}

# Take back the steps in a file, the last one first, and forget them, but for those
# that could not be: another run may.
take_back() { # file
	[ -s "$1" ] || return 0
	: >"$work/done"
	sed '1!G;h;$!d' "$1" >"$work/back" || return
	while read -r index device kind word value; do
		if take_back_step "$index" "$device" "$kind" "$word" "$value"; then
			printf '%s\n' "$index $device $kind $word $value" >>"$work/done"
		else
			differs "$device: $kind $word could not be taken back"
		fi
	done <"$work/back"
	[ -s "$work/done" ] || return 0
	awk 'NR == FNR { done[$0]; next } !($0 in done)' "$work/done" "$record" >"$work/rest" && set_record "$work/rest"
}

# Take back what this run has done.
undo() {
	take_back "$steps" || differs "what was done could not be taken back; remove may"
	: >"$steps"
}
fail() {
	say "$*"
	undo
	[ $status != 0 ] || say "nothing has been changed"
	exit 1
}

step() { # device kind word value
	index=$(index_of "$1")
	[ -n "$index" ] || fail "$1: ip does not say its index"
	line="$index $*"
	grep -qxF -e "$line" "$record" || printf '%s\n' "$line" >>"$record" || fail "the record $record can not be written"
	printf '%s\n' "$line" >>"$steps"
}

# Steps on devices that are gone.
forget_gone() {
	ip -o link show >"$work/links" && sed 's/:.*//' "$work/links" >"$work/there" && [ -s "$work/there" ] &&
		awk 'NR == FNR { there[$1]; next } $1 in there' "$work/there" "$record" >"$work/rest" &&
		set_record "$work/rest"
}

# Asked by netlink: /sys may be that of another namespace.
is_there() {
	ip link show dev "$1" >/dev/null 2>&1
}
is_bridge() {
	[ -n "$(ip link show dev "$1" type bridge 2>/dev/null)" ]
}
is_port() { # port bridge
	[ -n "$(ip link show dev "$1" master "$2" 2>/dev/null)" ]
}
bridge_is() { # bridge words, of the attributes that ip prints
	ip -d link show dev "$1" | grep -q " $2 "
}

# Where a guest is: libvirt gives the host's end the guest's address but for the first
# byte, so it may be one of several.
ports_at() { # bridge mac
	case $2 in
	fe:*) tap=fa${2#fe} ;;
	*) tap=fe${2#??} ;;
	esac
	ip -o link show master "$1" 2>/dev/null |
		sed -n "s/^[0-9]*: \\([^ ]*\\): .* link\\/ether $tap .*/\\1/p" | sed 's/@[^@]*$//'
}
# The port that the document names; without a name the one that is found, if it is one.
# Numbers of libvirt's own names change from start to start.
find_port() { # port bridge mac
	port=$1
	found=$(ports_at "$2" "$3")
	case $found in
	"" | "$port") return ;;
	*"
"*)
		[ -z "$port" ] || ! printf '%s\n' "$found" | grep -qxF -e "$port" || return 0
		differs "bridge $2 has several ports that may be that of $3: $(echo "$found" | tr '\n' ' ')"
		return 1
		;;
	esac
	if [ -n "$port" ]; then
		differs "port $port is not that of $3, which is $found"
		return 1
	fi
	port=$found
}

# The value of a port's switch: on or off, or nothing when the kernel has none.
flag_of() { # port flag
	link=$(bridge -j -d link show dev "$1") || return
	printf '%s\n' "$link" | tr ',{}' '\n\n\n' |
		sed -n "s/^ *\"$2\": *true.*/on/p; s/^ *\"$2\": *false.*/off/p" | head -n 1
}

# For awk: what kind of entry a line of the table is; names of devices may be any word.
kind_of_line='
	function kind(i, word) {
		for (i = 2; i <= NF; i++)
			if ($i ~ /^(dev|master|vlan|dst|port|vni|src_vni|via|nhid|link-netnsid)$/)
				i++
			else
				word[$i]
		return !("static" in word) || "self" in word ? "" : "sticky" in word ? "sticky" : "entry"
	}'

# The addresses that somebody put there, and the kind. A kernel that filters VLANs
# may show one twice, with a VLAN and without.
entries_of() { # port
	table=$(bridge fdb show dev "$1") || return
	printf '%s\n' "$table" | awk "$kind_of_line"'kind() != "" { print tolower($1), kind() }' | sort -u
}
kind_of() { # port mac
	table=$(entries_of "$1") || return
	printf '%s\n' "$table" | sed -n "s/^$2 //p" | head -n 1
}
entry_elsewhere() { # bridge port mac
	table=$(bridge fdb show br "$1") || return
	printf '%s\n' "$table" | port=$2 mac=$3 awk "$kind_of_line"'
		kind() != "" && tolower($1) == ENVIRON["mac"] && $2 == "dev" &&
			($3 "") != (ENVIRON["port"] "") { print kind(), $3; exit }'
}

# An entry that is not sticky follows whoever sends with its address where the bridge
# learns, as from the uplink. Linux before 4.20 has no others.
put_entry() { # port mac kind
	if [ "$3" = sticky ]; then
		bridge fdb replace "$2" dev "$1" master static sticky 2>/dev/null && return
		say "port $1: $2 can not be held here; it may move to another port"
	fi
	bridge fdb replace "$2" dev "$1" master static
}

set_flag() { # port flag word
	was=$(flag_of "$1" "$2") || fail "port $1: its switches can not be read"
	[ "$was" != "$3" ] || return 0
	[ -n "$was" ] || [ "$2 $3" != 'isolated off' ] || return 0 # as Linux before 4.18
	if [ "$action" = verify ]; then
		differs "port $1: $2 is ${was:-not known to the kernel}, not $3"
		return
	fi
	step "$1" flag "$2" "${was:-off}"
	bridge link set dev "$1" "$2" "$3" || fail "port $1: $2 can not be set $3"
}

# The guest's address, in the table for ever, and no other learned or flooded to it.
pin() { # port bridge mac
	set_flag "$1" learning off
	set_flag "$1" flood off
	was=$(kind_of "$1" "$3") || fail "port $1: its addresses can not be read"
	if [ "$action" = verify ]; then
		verify_pin "$1" "$3" "$was"
		return
	fi
	[ "$was" != sticky ] || return 0
	from=${was:+"$was $1"}
	if [ -z "$from" ]; then
		from=$(entry_elsewhere "$2" "$1" "$3") || fail "bridge $2: its addresses can not be read"
		[ -z "$from" ] || say "port $1: $3 was at port ${from#* }"
	fi
	from=${from:-entry -}
	step "$1" "${from%% *}" "$3" "${from#* }"
	put_entry "$1" "$3" sticky || fail "port $1: $3 can not be put into the table"
}

verify_pin() { # port mac kind
	case $3 in
	sticky) ;;
	entry) differs "port $1: $2 may move to another port" ;;
	*) differs "port $1: $2 is not in the table" ;;
	esac
	for other in $(entries_of "$1" | sed "/^$2 /d; s/ .*//"); do
		differs "port $1: $other is in the table too"
	done
}

each_port() { # port bridge mac pinned isolated
	if [ "$action" = remove ]; then
		for port in ${1:-$(ports_at "$2" "$3")}; do
			remove_device "$port"
		done
		return
	fi
	find_port "$1" "$2" "$3" || return 0
	if [ -z "$port" ]; then
		say "bridge $2 has no port for $3; does the guest run?"
	elif ! is_there "$port"; then
		say "port $port is not there; does the guest run?"
	elif ! is_port "$port" "$2"; then
		differs "port $port is not on bridge $2"
	else
		[ "$4" = 0 ] || pin "$port" "$2" "$3"
		set_flag "$port" isolated "$([ "$5" = 1 ] && echo on || echo off)"
	fi
}

# With filtering of VLANs a bridge whose ports neither learn nor are flooded takes its
# uplink out of promiscuous mode. That saves work and is no part of the safety, so a
# kernel without it will do.
vlans() { # bridge
	if bridge_is "$1" 'vlan_filtering 1'; then
		return
	elif ! bridge_is "$1" 'vlan_default_pvid [0-9]*'; then
		say "bridge $1: this kernel has no VLAN filtering; the uplink stays promiscuous"
	elif [ "$action" = verify ]; then
		differs "bridge $1: VLAN filtering is off"
	else
		step "$1" vlans - -
		ip link set dev "$1" type bridge vlan_filtering 1 || fail "bridge $1: VLAN filtering can not be set on"
	fi
}

has_clsact() { # bridge
	[ -n "$(tc qdisc show dev "$1" clsact)" ]
}
finishes_sums() { # bridge
	tc filter show dev "$1" egress 2>/dev/null | grep -q 'action order [0-9]*: csum'
}

# DHCP answers of the host reach a guest with checksums unfinished when its card
# leaves them to the host. nft has no word for finishing them, tc has.
sums() { # bridge
	if ! command -v tc >/dev/null 2>&1; then
		say "tc (of iproute2) is not installed, which finishes checksums of DHCP answers"
		[ "$action" != verify ] || status=1
	elif finishes_sums "$1"; then
		return
	elif [ "$action" = verify ]; then
		differs "bridge $1: no filter finishes the checksums of DHCP answers"
	else
		qdisc=clsact
		! has_clsact "$1" || qdisc=-
		step "$1" sums $qdisc -
		[ $qdisc = - ] || tc qdisc add dev "$1" clsact 2>/dev/null
		tc filter add dev "$1" egress pref $place protocol ip u32 match ip protocol 17 0xff \
			match ip dport 68 0xffff action csum ip and udp 2>/dev/null && return
		take_back_sums "$1" $qdisc
		say "bridge $1: this kernel can not finish checksums of DHCP answers with tc"
	fi
}

each_bridge() { # bridge pinned dhcp
	if [ "$action" = remove ]; then
		remove_device "$1"
	elif ! is_bridge "$1"; then
		say "bridge $1 is not there; is the network active?"
		[ "$action" != verify ] || status=1
	else
		[ "$2" = 0 ] || vlans "$1"
		[ "$3" = 0 ] || sums "$1"
	fi
}

remove_device() { # device
	if ! { lines_of "$record" "$1" >"$work/ours" && take_back "$work/ours"; }; then
		differs "$1: what was done could not be taken back"
	fi
}

action=${1-apply}
case $action in
apply | remove | verify | undo) ;;
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
work=$(mktemp -d "${TMPDIR:-/tmp}/nwfc.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
steps=${NWFC_UNDO-$work/steps}
record=${NWFC_RECORD-/run/nwfc-bridge}
if [ "$action" != verify ]; then
	need_root
	lock
	if ! (: >>"$steps" && : >>"$record" && : >>"$record.new") 2>/dev/null; then
		say "the record $record can not be written; NWFC_RECORD in the environment names another"
		say "nothing has been changed"
		exit 1
	fi
	if ! forget_gone; then
		say "the steps of earlier runs can not be looked through (is there room in $work?)"
		say "nothing has been changed"
		exit 1
	fi
	trap 'fail interrupted' HUP INT TERM
	trap 'rm -rf "$work"; [ -s "$record" ] || rm -f "$record"' EXIT
fi
case "$*" in
undo)
	undo
	exit $status
	;;
'remove all')
	if ! { cp "$record" "$work/ours" && take_back "$work/ours"; }; then
		differs "what was done could not be taken back"
	fi
	exit $status
	;;
esac

