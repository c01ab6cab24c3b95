# SPDX-License-Identifier: MIT
# What a bridge is told of its ports. The tools are asked for all ports at once, what is
# to be done is found out from their answers, and it is done in one batch: a host may
# have hundreds of guests, and a tool takes milliseconds to start. Only what is not so
# yet is a step, so a second run changes nothing. What a step replaces goes into a
# record before the step is done, so that remove, and a run that fails, take back our
# own steps alone: what libvirt told the bridge itself stays. A guest that does not run
# has no port; it is left out with a word, and the script is to be run again when it does.
#
# A line of the record, a step:
#   INDEX DEVICE flag NAME WORD      the port's switch NAME was WORD
#   INDEX DEVICE entry MAC PORT      the address was at PORT, or nowhere (-)
#   INDEX DEVICE vlans - -           the bridge filtered no VLANs
#   INDEX DEVICE sums QDISC -        the bridge finished no checksums; QDISC was made for it, or -
# The index tells the device from a later one of its name, which has none of our steps.

status=0
tab=$(printf '\t')
place=6868 # of our filter among those of tc
differs() {
	say "$*"
	status=1
}

index_of() {
	ip -o link show dev "$1" 2>/dev/null | sed -n '1s/:.*//p'
}

# The qdisc stays when others have put filters there since.
take_back_sums() { # bridge qdisc
	! finishes_sums "$1" || tc filter del dev "$1" egress pref $place || return
	[ "$2" = - ] || [ -n "$(tc filter show dev "$1" egress)$(tc filter show dev "$1" ingress)" ] ||
		! has_clsact "$1" || tc qdisc del dev "$1" "$2"
}

# For awk: what there is of links, of bridges' ports and of their tables, in the tools'
# JSON. Texts stand at the even places between quotes; those within texts, and the
# backslashes before them, are put aside. Of an object only its own members are taken.
things='
	function plain(s, n, i, part, out) {
		gsub("\002", "\"", s)
		n = split(s, part, "\001")
		out = part[1]
		for (i = 2; i <= n; i++)
			out = out "\\" part[i]
		return out
	}
	function brackets(s, i, c) {
		for (i = 1; i <= length(s); i++) {
			c = substr(s, i, 1)
			if (c == "}" && depth-- == 1) {
				thing()
				split("", of)
			}
			depth += c == "{"
		}
	}
	function read_json(n, i, part, v) {
		gsub(/\\\\/, "\001")
		gsub(/\\"/, "\002")
		gsub("\\\\\047", "\047")
		n = split($0, part, "\"")
		for (i = 1; i <= n; i++)
			if (i % 2 == 0 && depth == 1 && part[i + 1] ~ /^ *:/) {
				key = plain(part[i])
			} else if (i % 2 == 0) {
				if (depth == 1 && key != "")
					of[key] = plain(part[i])
				key = ""
			} else {
				v = part[i]
				if (depth == 1 && sub(/^ *: */, "", v) && v ~ /^[-0-9a-z]/) {
					sub(/[^-0-9a-z].*/, "", v)
					of[key] = v
					key = ""
				}
				brackets(part[i])
			}
	}
	function thing(name, f) {
		name = of["ifname"]
		if (what == "links") {
			number[name] = of["ifindex"]
			master[name] = of["master"]
			if (!((of["master"], of["address"]) in with))
				with[of["master"], of["address"]] = name
		} else if (what == "ports") {
			port[name]
			for (f in switches)
				if (f in of)
					flag[name, f] = of[f] == "true" ? "on" : "off"
		} else if (of["state"] == "static" && of["flags"] != "self") {
			put_entry(name, of["mac"])
		}
	}
	# A kernel that filters VLANs may show an entry twice, with a VLAN and without.
	function has(name, mac) {
		return (name, mac) in entry
	}
	function put_entry(name, mac) {
		if (has(name, mac))
			return
		entry[name, mac]
		entries[name] = entries[name] mac "\t"
		holders[mac] = holders[mac] name "\t"
	}
	# The tool reads a batch as words that blanks part and quotes hold together.
	function command(words, failure) {
		if (words ~ /[^A-Za-z0-9_.:@+=,%\t-]/)
			print >(work "/odd")
		print words >(work "/commands")
		print failure >(work "/failures")
	}
	BEGIN {
		FS = "\t"
		work = ENVIRON["work"]
		action = ENVIRON["action"]
		switches["learning"]; switches["flood"]; switches["isolated"]
	}
	what == "links" || what == "ports" || what == "tables" {
		read_json()
		next
	}
'

look() {
	ip -j link show >"$work/links" && bridge -j -d link show >"$work/ports" &&
		bridge -j fdb show >"$work/tables" && return
	differs "the bridges can not be read"
	return 1
}
plan() { # awk program, files
	program=$1
	shift
	: >"$work/commands" && : >"$work/failures" && rm -f "$work/odd" &&
		awk "$things$program" what=links "$work/links" what=ports "$work/ports" \
			what=tables "$work/tables" "$@"
}

# Do what is planned: up to the first failure, or with -force all that can be done.
# `failures' says what could not. Names that a batch can not hold are given as words.
carry_out() { # option
	: >"$work/failed"
	[ -s "$work/commands" ] || return 0
	if [ -e "$work/odd" ]; then
		carry_out_singly "$1"
	else
		tr '\t' ' ' <"$work/commands" >"$work/batch"
		bridge ${1:+"$1"} -batch "$work/batch" 2>"$work/message" && return
		grep -v '^Command failed ' "$work/message" >&2
		sed -n 's/^Command failed .*:\([0-9]*\)$/\1/p' "$work/message" >"$work/failed"
		return 1
	fi
}
carry_out_singly() { # option
	option=$1 line=0
	while IFS= read -r words; do
		line=$((line + 1))
		IFS=$tab
		set -f
		# shellcheck disable=SC2086 # tabs part them
		set -- $words
		set +f
		unset IFS
		bridge "$@" </dev/null && continue
		printf '%s\n' $line >>"$work/failed"
		[ -n "$option" ] || break
	done <"$work/commands"
	[ ! -s "$work/failed" ]
}
failures() {
	awk 'NR == FNR { failed[$1]; next } FNR in failed' "$work/failed" "$work/failures"
}

# The steps in a file, the last one first: those on ports in one batch, the others as they come.
# Fails when none of it could be.
take_back() { # file
	cp "$1" "$work/back" && : >"$work/later" && look && plan '
		{ line[++lines] = $0 }
		function back(d, kind, word, value, verb) {
			if (kind == "flag" && flag[d, word] != value) {
				command("link\tset\tdev\t" d "\t" word "\t" value, d ": " word)
				flag[d, word] = value
			} else if (kind == "entry" && has(d, word)) {
				verb = value == "-" ? "del" : "replace"
				command("fdb\t" verb "\t" word "\tdev\t" (value == "-" ? d : value) "\tmaster\tstatic", d ": " word)
				delete entry[d, word]
			}
		}
		END {
			for (i = lines; i > 0; i--) {
				split(line[i], w, " ")
				if (number[w[2]] != w[1])
					continue
				if (w[3] != "flag" && w[3] != "entry")
					print line[i] >(work "/later")
				else if (w[2] in port)
					back(w[2], w[3], w[4], w[5])
			}
		}' what=steps "$work/back" || return
	if ! carry_out -force; then
		failures | sed 's/^/nwfc: /; s/$/ could not be taken back/' >&2
		status=1
	fi
	while read -r _ device kind word _; do
		case $kind in
		vlans) ip link set dev "$device" type bridge vlan_filtering 0 ;;
		sums) take_back_sums "$device" "$word" ;;
		esac || differs "$device: $kind could not be taken back"
	done <"$work/later"
	return 0
}

set_record() { # file
	cat "$1" >"$record.new" && mv "$record.new" "$record"
}

# Take back what this run has done, and forget it.
undo() {
	[ -s "$steps" ] || return 0
	take_back "$steps" || return
	awk 'NR == FNR { done[$0]; next } !($0 in done)' "$steps" "$record" >"$work/rest" && set_record "$work/rest"
	: >"$steps"
}
fail() {
	say "$*"
	undo
	[ $status != 0 ] || say "nothing has been changed"
	exit 1
}

step() { # device kind word value
	line="$(index_of "$1") $*"
	grep -qxF -e "$line" "$record" || printf '%s\n' "$line" >>"$record" || fail "the record $record can not be written"
	printf '%s\n' "$line" >>"$steps"
}

# Asked by netlink: /sys may be that of another namespace.
is_bridge() {
	[ -n "$(ip link show dev "$1" type bridge 2>/dev/null)" ]
}
bridge_is() { # bridge words, of the attributes that ip prints
	ip -d link show dev "$1" | grep -q " $2 "
}

# A row of what is wanted: the port, or nothing where the document does not say its name.
each_port() { # port bridge mac pinned isolated
	printf '%s\t%s\t%s\t%s\t%s\n' "$@" >>"$work/wanted"
}

# What is to be done, and said, about the ports that are wanted. A nameless one is where
# libvirt has given the host's end the guest's address but for the first byte.
ports_plan='
	function say(text) {
		print "nwfc: " text >(work "/said")
	}
	function differs(text) {
		say(text)
		print >(work "/differs")
	}
	function step(p, kind, word, value) {
		print number[p], p, kind, word, value >(work "/new")
	}
	function set_flag(p, name, word, was) {
		was = flag[p, name]
		if (was == word || (was == "" && name word == "isolatedoff")) # as Linux before 4.18
			return
		if (action == "verify") {
			differs("port " p ": " name " is " (was == "" ? "not known to the kernel" : was) ", not " word)
			return
		}
		step(p, "flag", name, was == "" ? "off" : was)
		command("link\tset\tdev\t" p "\t" name "\t" word, "port " p ": " name " can not be set " word)
	}
	function verify_entries(p, mac, n, i, other) {
		if (!has(p, mac))
			differs("port " p ": " mac " is not in the table")
		n = split(entries[p], other, "\t")
		for (i = 1; i < n; i++)
			if (other[i] != mac)
				differs("port " p ": " other[i] " is in the table too")
	}
	function holder(bridge, p, mac, n, i, h) {
		n = split(holders[mac], h, "\t")
		for (i = 1; i < n; i++)
			if (master[h[i]] == bridge && h[i] != p "" && has(h[i], mac))
				return h[i]
	}
	# The address of the guest, in the table for ever, and no other learned or flooded to it.
	function pin(p, bridge, mac, from) {
		set_flag(p, "learning", "off")
		set_flag(p, "flood", "off")
		if (action == "verify") {
			verify_entries(p, mac)
			return
		}
		if (has(p, mac))
			return
		from = holder(bridge, p, mac)
		if (from != "") {
			say("port " p ": " mac " was at port " from)
			delete entry[from, mac]
		}
		step(p, "entry", mac, from == "" ? "-" : from)
		command("fdb\treplace\t" mac "\tdev\t" p "\tmaster\tstatic", "port " p ": " mac " can not be put into the table")
		put_entry(p, mac)
	}
	{
		p = $1
		if (p == "")
			p = with[$2, (substr($3, 1, 3) == "fe:" ? "fa" : "fe") substr($3, 3)]
		if (action == "remove") {
			print p >>(work "/ours")
		} else if (p == "") {
			say("bridge " $2 " has no port for " $3 "; does the guest run?")
		} else if (!(p in number)) {
			say("port " p " is not there; does the guest run?")
		} else if (master[p] != $2 "") {
			differs("port " p " is not on bridge " $2)
		} else {
			if ($4 == 1)
				pin(p, $2, $3)
			set_flag(p, "isolated", $5 == 1 ? "on" : "off")
		}
	}'

apply_steps() {
	grep -vxF -f "$record" "$work/new" >"$work/added"
	cat "$work/added" >>"$record" && cat "$work/new" >>"$steps" ||
		fail "the record $record can not be written"
	carry_out '' || fail "$(failures | sed '1!d')"
}

take_back_ours() {
	awk 'NR == FNR { ours["x" $0]; next } "x" $2 in ours' "$work/ours" "$record" >"$work/mine"
	awk 'NR == FNR { ours["x" $0]; next } !("x" $2 in ours)' "$work/ours" "$record" >"$work/others"
	take_back "$work/mine" || return
	set_record "$work/others"
}

# All rows are known: what they are about is looked at, and done.
finish() {
	: >"$work/said" && : >"$work/differs" && : >"$work/new" && look &&
		plan "$ports_plan" what=wanted "$work/wanted" || fail "the ports can not be looked at"
	cat "$work/said" >&2
	case $action in
	remove) take_back_ours ;;
	apply)
		[ ! -s "$work/differs" ] || fail "it is plugged in elsewhere than the documents say"
		apply_steps
		;;
	verify) [ ! -s "$work/differs" ] || status=1 ;;
	esac
	exit $status
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
		printf '%s\n' "$1" >>"$work/ours"
	elif ! is_bridge "$1"; then
		say "bridge $1 is not there; is the network active?"
		[ "$action" != verify ] || status=1
	else
		[ "$2" = 0 ] || vlans "$1"
		[ "$3" = 0 ] || sums "$1"
	fi
}

export action="${1-apply}"
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
export work
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
: >"$work/wanted"
: >"$work/ours"
steps=${NWFC_UNDO-$work/steps}
record=${NWFC_RECORD-$record}
if [ "$action" != verify ]; then
	need_root
	lock
	if ! (: >>"$steps" && : >>"$record" && : >>"$record.new") 2>/dev/null; then
		say "the record $record can not be written; NWFC_RECORD in the environment names another"
		say "nothing has been changed"
		exit 1
	fi
	# steps on devices that are gone
	ip -o link show | sed 's/:.*//' >"$work/there"
	awk 'NR == FNR { there[$1]; next } $1 in there' "$work/there" "$record" >"$work/rest" && set_record "$work/rest"
	trap 'fail interrupted' HUP INT TERM
	trap 'rm -rf "$work"; [ -s "$record" ] || rm -f "$record"' EXIT
fi
case "$*" in
undo)
	undo
	exit $status
	;;
'remove all')
	take_back "$record" && : >"$record"
	exit $status
	;;
esac

